package import NIOCore
private import SwiftProtobuf

extension Frame {
    /// Returns the frame's bytes, in pieces that follow each other.
    ///
    /// A chunk's payload is a piece of its own, so that it is never copied. Messages are serialized in one canonical way, map
    /// entries sorted, so that the same frame always gives the same bytes.
    ///
    /// ```
    /// +---------------+-------+-----------------------------+---------------
    /// | length (u32)  | kind  | SHA-256, offset: chunk only | body …
    /// +---------------+-------+-----------------------------+---------------
    /// ```
    ///
    /// - Parameter limits: What the other side takes.
    /// - Returns: One piece, or two.
    /// - Throws: ``FramingError`` when the other side would refuse the frame.
    package func serialized(limits: FrameLimits) throws(FramingError) -> [ByteBuffer] {
        switch self {
        case .control(let control):
            let body = try Self.serialize(control)
            guard !body.isEmpty else { throw .empty }
            guard body.count <= limits.controlBytes else {
                throw .tooLong(length: UInt64(body.count), limit: limits.controlBytes)
            }
            var piece = ByteBuffer()
            piece.reserveCapacity(FrameLayout.headerBytes + body.count)
            piece.writeFrameHeader(kind: .control, bodyBytes: body.count)
            piece.writeBytes(body)
            return [piece]
        case .chunk(let chunk):
            let byteCount = chunk.bytes.readableBytes
            guard limits.chunkBytes > 0 else { throw .chunksNotAllowed }
            guard byteCount > 0 else { throw .empty }
            guard byteCount <= limits.chunkBytes else {
                throw .tooLong(length: UInt64(byteCount), limit: limits.chunkBytes)
            }
            guard chunk.end != nil else { throw .offsetOverflow(offset: chunk.offset, byteCount: byteCount) }
            var header = ByteBuffer()
            header.reserveCapacity(FrameLayout.headerBytes + FrameLayout.chunkHeaderBytes)
            header.writeFrameHeader(kind: .chunk, bodyBytes: FrameLayout.chunkHeaderBytes + byteCount)
            header.writePayloadDigest(chunk.digest)
            header.writeInteger(chunk.offset)
            return [header, chunk.bytes]
        }
    }

    private static func serialize(_ control: Tributary_V1_Control) throws(FramingError) -> [UInt8] {
        var options = BinaryEncodingOptions()
        options.useDeterministicOrdering = true
        guard let body: [UInt8] = try? control.serializedBytes(options: options) else { throw .undecodableControl }
        return body
    }
}

extension ByteBuffer {
    fileprivate mutating func writeFrameHeader(kind: FrameKind, bodyBytes: Int) {
        writeInteger(UInt32(bodyBytes + FrameLayout.kindBytes))
        writeInteger(kind.rawValue)
    }
}
