import NIOCore
import Testing
import WireProtocol

@Suite("The buffers of chunks")
struct ChunkBuffersTests {
    @Test("are used again, the oldest first, and empty")
    func usesAgain() {
        let buffers = ChunkBuffers(limit: 4, largest: 1 << 20)
        for capacity in [1024, 4096] { buffers.remember(filled(capacity)) }
        let first = buffers.take()
        #expect(first.capacity == 1024)
        #expect(first.readableBytes == 0)
        #expect(buffers.take().capacity == 4096)
        #expect(buffers.take().capacity == 0, "there were two")
    }

    @Test("leave the bytes alone that somebody still has")
    func leavesBytes() {
        let buffers = ChunkBuffers(limit: 4, largest: 1 << 20)
        let kept = filled(1024)
        buffers.remember(kept)
        var other = buffers.take()
        other.writeRepeatingByte(9, count: 1024)
        #expect(kept == filled(1024))
        #expect(other.capacity == 1024)
    }

    @Test("are few, and none is very large")
    func bounds() {
        let buffers = ChunkBuffers(limit: 2, largest: 4096)
        for capacity in [1024, 2048, 8192, 4096] { buffers.remember(filled(capacity)) }
        #expect(buffers.take().capacity == 2048, "the oldest gave way, and one was too large")
        #expect(buffers.take().capacity == 4096)
        #expect(buffers.take().capacity == 0)
    }

    private func filled(_ capacity: Int) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: capacity)
        buffer.writeRepeatingByte(7, count: capacity)
        return buffer
    }
}
