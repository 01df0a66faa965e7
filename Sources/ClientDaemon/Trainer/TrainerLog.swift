private import FederatedLearning
package import Logging
private import Synchronization

/// Puts what a trainer says on its standard error into the client's log, as much as a log can bear.
///
/// Lines are cut, freed of control characters, and beyond a steady rate only counted: a trainer in a loop must not fill the
/// disk through the log.
package final class TrainerLog: Sendable {
    private struct State: Sendable {
        var tokens: Double
        var refilled: ContinuousClock.Instant?
        var dropped = 0
        var latest: String?
    }

    /// The longest line that is read whole, in bytes.
    package static let lineBytes = 4096
    private static let burst = 200.0
    private static let perSecond = 20.0

    private let logger: Logger
    private let state = Mutex(State(tokens: burst))

    package init(logger: Logger) {
        self.logger = logger
    }

    /// The latest line with something in it.
    package var latest: String? { state.withLock(\.latest) }

    /// Takes the lines that the trainer wrote up to `now`.
    package func take(_ lines: [[UInt8]], at now: ContinuousClock.Instant) {
        for line in lines {
            let text = PeerText.sentence(String(decoding: line, as: UTF8.self))
            guard text.contains(where: { !$0.isWhitespace }) else { continue }
            let dropped: Int? = state.withLock { state in
                state.latest = text
                if let refilled = state.refilled {
                    let seconds = refilled.duration(to: now) / .seconds(1)
                    state.tokens = min(Self.burst, state.tokens + max(0, seconds) * Self.perSecond)
                }
                state.refilled = now
                guard state.tokens >= 1 else {
                    state.dropped += 1
                    return nil
                }
                state.tokens -= 1
                defer { state.dropped = 0 }
                return state.dropped
            }
            guard let dropped else { continue }
            if dropped > 0 { logger.warning("Lines of the trainer were left out", metadata: ["lines": "\(dropped)"]) }
            logger.info("Trainer", metadata: ["says": "\(text)"])
        }
    }

    /// Forgets what an earlier process said.
    package func forgetLatest() {
        state.withLock { $0.latest = nil }
    }
}
