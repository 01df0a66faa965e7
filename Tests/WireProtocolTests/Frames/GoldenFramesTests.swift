import Crypto
import NIOCore
import TestSupport
import Testing

@testable import WireProtocol

@Suite("Golden frames", .tags(.goldenBytes))
struct GoldenFramesTests {
    @Test("are all there")
    func count() {
        #expect(GoldenVectors.controls.count == 34)
        #expect(GoldenVectors.chunks.count == 4)
        #expect(GoldenVectors.refused.count == 20)
        // Every message that a control frame can carry has at least one.
        #expect(Set(GoldenVectors.controls.compactMap(\.message.message?.name)).count == 21)
    }

    @Test("a control message encodes to its golden bytes", arguments: GoldenVectors.controls)
    func encodesControl(_ vector: GoldenVectors.Control) throws {
        var out = ByteBuffer()
        try out.writeFrame(.control(vector.message), limits: .federation)
        #expect(Array(out.readableBytesView).hexadecimal == vector.frame.hexadecimal)
    }

    @Test("golden bytes decode to their control message", arguments: GoldenVectors.controls)
    func decodesControl(_ vector: GoldenVectors.Control) throws {
        var buffer = ByteBuffer(bytes: vector.frame)
        let frame = try FrameDecoder.readFrame(from: &buffer, limits: .federation)
        #expect(frame == .control(vector.message))
        #expect(buffer.readableBytes == 0)
    }

    @Test("a chunk encodes to its golden bytes and back", arguments: GoldenVectors.chunks)
    func chunk(_ vector: GoldenVectors.Chunk) throws {
        let chunk = Chunk(digest: vector.digest, offset: vector.offset, bytes: ByteBuffer(bytes: vector.bytes))
        var buffer = ByteBuffer()
        try buffer.writeFrame(.chunk(chunk), limits: .federation)
        let bytes = Array(buffer.readableBytesView)
        if let golden = vector.frame {
            #expect(bytes.hexadecimal == golden.hexadecimal)
        } else {
            #expect(PayloadDigest(hashing: bytes) == vector.frameDigest)
        }
        #expect(try FrameDecoder.readFrame(from: &buffer, limits: .federation) == .chunk(chunk))
    }
}
