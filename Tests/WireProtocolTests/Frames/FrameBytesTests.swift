import NIOCore
import Testing

@testable import WireProtocol

@Suite("A frame's bytes")
struct FrameBytesTests {
    @Test("are not made of what the other side would refuse")
    func refuses() throws {
        let digest = PayloadDigest(hashing: [1])
        let limits = FrameLimits.federation
        #expect(throws: FramingError.empty) {
            try Frame.chunk(Chunk(digest: digest, offset: 0, bytes: ByteBuffer())).serialized(limits: limits)
        }
        #expect(throws: FramingError.empty) {
            try Frame.control(Tributary_V1_Control()).serialized(limits: limits)
        }
        #expect(throws: FramingError.offsetOverflow(offset: .max, byteCount: 2)) {
            let bytes = ByteBuffer(bytes: [1, 2])
            _ = try Frame.chunk(Chunk(digest: digest, offset: .max, bytes: bytes)).serialized(limits: limits)
        }
        #expect(throws: FramingError.tooLong(length: UInt64(limits.chunkBytes) + 1, limit: limits.chunkBytes)) {
            let bytes = ByteBuffer(repeating: 0, count: limits.chunkBytes + 1)
            _ = try Frame.chunk(Chunk(digest: digest, offset: 0, bytes: bytes)).serialized(limits: limits)
        }
        var goodbye = Tributary_V1_Goodbye()
        goodbye.reason = String(repeating: "x", count: limits.controlBytes)
        #expect(throws: FramingError.self) { try Frame.message(.goodbye(goodbye)).serialized(limits: limits) }
    }

    @Test("leave a chunk's payload where it is")
    func payloadIsShared() throws {
        let payload = ByteBuffer(repeating: 1, count: 1000)
        let frame = Frame.chunk(Chunk(digest: PayloadDigest(hashing: [1]), offset: 5, bytes: payload))
        let pieces = try frame.serialized(limits: .federation)
        #expect(pieces.map(\.readableBytes) == [45, 1000])
        #expect(pieces.last == payload)
    }
}
