package import NIOCore

/// A piece of a payload: where it belongs, and its bytes.
///
/// ```
///  0        32           40
/// +--------+------------+---------------------
/// | SHA-256 | offset u64 | at least one byte …
/// +--------+------------+---------------------
/// ```
package struct Chunk: Sendable, Equatable {
    /// Names the payload that the bytes are part of.
    package let digest: PayloadDigest
    /// Where in the payload the bytes begin.
    package let offset: UInt64
    package let bytes: ByteBuffer

    package init(digest: PayloadDigest, offset: UInt64, bytes: ByteBuffer) {
        self.digest = digest
        self.offset = offset
        self.bytes = bytes
    }

    /// The offset after the last byte, or `nil` when it does not fit 64 bits.
    package var end: UInt64? {
        let (end, overflow) = offset.addingReportingOverflow(UInt64(bytes.readableBytes))
        return overflow ? nil : end
    }
}
