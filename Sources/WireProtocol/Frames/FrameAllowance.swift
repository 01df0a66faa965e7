private import Synchronization

/// The frames that one connection may bring at the moment.
///
/// Shared by the decoder, which refuses the rest before it buffers a body, and by whoever drives the conversation and knows
/// what has been asked for. A peer that nobody wants a payload from cannot make this side hold a chunk.
package final class FrameAllowance: Sendable {
    private let current: Mutex<FrameLimits>

    /// Allows frames within `limits` until told otherwise.
    package init(_ limits: FrameLimits) {
        self.current = Mutex(limits)
    }

    package var limits: FrameLimits {
        get { current.withLock { $0 } }
        set { current.withLock { $0 = newValue } }
    }
}
