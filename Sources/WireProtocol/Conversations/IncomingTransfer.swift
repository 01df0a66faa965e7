import NIOCore

/// One payload on its way in: which bytes come next, and whether all have come.
///
/// Judges chunks without storing them: order, gaps, overlap, length and size. The content is judged by its hash when it is
/// complete.
package struct IncomingTransfer: Sendable, Equatable {
    package let digest: PayloadDigest
    /// The payload's announced length.
    package let byteCount: UInt64
    /// The offset of the next byte.
    package private(set) var offset: UInt64
    private let smallestInnerChunk: Int

    /// Expects the bytes from `offset` on.
    ///
    /// - Throws: ``ProtocolViolation/offsetBeyondEnd(offset:byteCount:)`` when there is no byte at `offset`.
    package init(
        digest: PayloadDigest,
        byteCount: UInt64,
        from offset: UInt64,
        smallestInnerChunk: Int = FrameLimits.smallestInnerChunkBytes
    ) throws(ProtocolViolation) {
        guard offset < byteCount else { throw .offsetBeyondEnd(offset: offset, byteCount: byteCount) }
        self.digest = digest
        self.byteCount = byteCount
        self.offset = offset
        self.smallestInnerChunk = smallestInnerChunk
    }

    /// Whether every byte has come.
    package var isComplete: Bool { offset == byteCount }

    /// Records the next chunk.
    ///
    /// - Throws: ``ProtocolViolation`` when it is not the next piece of this payload; nothing changes then.
    package mutating func accept(_ chunk: Chunk) throws(ProtocolViolation) {
        guard chunk.digest == digest else { throw .unexpectedChunk(chunk.digest) }
        guard chunk.offset == offset else { throw .chunkOutOfOrder(expected: offset, found: chunk.offset) }
        let length = chunk.bytes.readableBytes
        guard let end = chunk.end, end <= byteCount else {
            throw .chunkBeyondEnd(end: chunk.end ?? .max, byteCount: byteCount)
        }
        guard length >= smallestInnerChunk || (length > 0 && end == byteCount) else {
            throw .chunkTooSmall(byteCount: length, minimum: smallestInnerChunk)
        }
        offset = end
    }
}
