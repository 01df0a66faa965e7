package import NIOCore
private import SwiftProtobuf

/// Turns frames into bytes.
///
/// Messages are serialized in one canonical way, map entries sorted, so that the same frame always gives the same bytes.
package struct FrameEncoder: MessageToByteEncoder {
    package typealias OutboundIn = Frame

    private let limits: FrameLimits

    package init(limits: FrameLimits) {
        self.limits = limits
    }

    /// Appends `frame` to `out`.
    ///
    /// - Throws: ``FramingError`` when the frame is one that the other side would refuse; `out` is untouched then.
    package func encode(data frame: Frame, out: inout ByteBuffer) throws {
        try out.writeFrame(frame, limits: limits)
    }
}

extension ByteBuffer {
    /// Appends the bytes of `frame`.
    ///
    /// - Throws: ``FramingError`` when the frame is empty or exceeds `limits`; nothing is written then.
    package mutating func writeFrame(_ frame: Frame, limits: FrameLimits) throws(FramingError) {
        switch frame {
        case .control(let control):
            let body = try Self.serialize(control)
            guard !body.isEmpty else { throw .empty }
            guard body.count <= limits.controlBytes else {
                throw .tooLong(length: UInt64(body.count), limit: limits.controlBytes)
            }
            writeFrameHeader(kind: .control, bodyBytes: body.count)
            writeBytes(body)
        case .chunk(let chunk):
            let byteCount = chunk.bytes.readableBytes
            guard limits.chunkBytes > 0 else { throw .chunksNotAllowed }
            guard byteCount > 0 else { throw .empty }
            guard byteCount <= limits.chunkBytes else {
                throw .tooLong(length: UInt64(byteCount), limit: limits.chunkBytes)
            }
            guard chunk.end != nil else { throw .offsetOverflow(offset: chunk.offset, byteCount: byteCount) }
            reserveCapacity(minimumWritableBytes: FrameLayout.headerBytes + FrameLayout.chunkHeaderBytes + byteCount)
            writeFrameHeader(kind: .chunk, bodyBytes: FrameLayout.chunkHeaderBytes + byteCount)
            writePayloadDigest(chunk.digest)
            writeInteger(chunk.offset)
            writeImmutableBuffer(chunk.bytes)
        }
    }

    private mutating func writeFrameHeader(kind: FrameKind, bodyBytes: Int) {
        writeInteger(UInt32(bodyBytes + FrameLayout.kindBytes))
        writeInteger(kind.rawValue)
    }

    private static func serialize(_ control: Tributary_V1_Control) throws(FramingError) -> [UInt8] {
        var options = BinaryEncodingOptions()
        options.useDeterministicOrdering = true
        guard let body: [UInt8] = try? control.serializedBytes(options: options) else { throw .undecodableControl }
        return body
    }
}
