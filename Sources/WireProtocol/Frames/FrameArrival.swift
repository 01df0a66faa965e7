private import Synchronization

/// How far one connection's latest frame is, if it is a chunk.
///
/// Shared by the decoder, which sees every byte come, and by whoever keeps time and would otherwise see only whole frames.
package final class FrameArrival: Sendable {
    private let current = Mutex<BegunChunk?>(nil)

    package init() {}

    /// The chunk that is coming in; `nil` between two frames, in a message, and before it shows whose piece a chunk is.
    package internal(set) var begunChunk: BegunChunk? {
        get { current.withLock { $0 } }
        set { current.withLock { $0 = newValue } }
    }
}
