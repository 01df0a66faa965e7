package import NIOCore
private import Synchronization

/// Buffers for the bytes of chunks, used again and again.
///
/// What is dear about a large buffer is fresh memory, which the kernel clears and maps page by page: that takes longer than
/// to decrypt what is then put there. So a process remembers the latest few buffers, and whoever needs one takes the oldest
/// of them, of which its last user has mostly let go by then. A connection on which nothing moves holds none.
package final class ChunkBuffers: Sendable {
    /// The buffers of this process: some eight megabytes when all have been filled.
    package static let shared = ChunkBuffers(limit: 32, largest: 512 << 10)

    private let limit: Int
    private let largest: Int
    private let remembered = Mutex(CircularBuffer<ByteBuffer>())

    /// Remembers nothing yet.
    ///
    /// - Parameters:
    ///   - limit: How many buffers are remembered, at least one.
    ///   - largest: How many bytes a buffer has room for at most that is remembered.
    package init(limit: Int, largest: Int) {
        precondition(limit > 0, "\(limit) buffers cannot be used again")
        self.limit = limit
        self.largest = largest
    }

    /// Returns an empty buffer, with room where some was remembered.
    package func take() -> ByteBuffer {
        guard var buffer = remembered.withLock({ $0.popFirst() }) else { return ByteBuffer() }
        // Finds other room of the same size when somebody still has the bytes.
        buffer.clear()
        return buffer
    }

    /// Remembers a buffer that has been filled: its room is used again when nobody has its bytes any more.
    package func remember(_ buffer: ByteBuffer) {
        guard buffer.capacity <= largest else { return }
        remembered.withLock { buffers in
            if buffers.count == limit { buffers.removeFirst() }
            buffers.append(buffer)
        }
    }
}
