private import FederatedLearning
private import Synchronization

/// The latest lines of a client's log, for a server that asks for them while this silo's policy allows it.
///
/// Nothing leaves by itself: the server asks from a line on, and gets what is still here. From the first job on whose
/// privacy hides the silo's data from the server, nothing is added until the client is started again: losses, and whatever a
/// trainer prints, follow from the data, and a line may come late.
package final class LiveLog: Sendable {
    /// Some lines in their order.
    package struct Lines: Hashable, Sendable {
        /// The number of the first of them; lines count from 0.
        package let first: UInt64
        package let texts: [String]
    }

    fileprivate struct State: Sendable {
        var first: UInt64 = 0
        var texts: [String] = []
        var isSealed = false
    }

    /// How many lines are kept.
    package static let capacity = 1000
    /// How many lines one answer has at most, so that it stays within what a client may say at once.
    package static let batch = 24

    private let state = Mutex(State())

    package init() {}

    /// Takes a line, of which the oldest goes when there are too many.
    package func append(_ text: String) {
        state.withLock { $0.append(text) }
    }

    /// Returns the lines from number `start` on, or from the oldest that is left.
    package func lines(from start: UInt64) -> Lines {
        state.withLock { state in
            let end = state.first + UInt64(state.texts.count)
            let first = min(max(start, state.first), end)
            let texts = state.texts.dropFirst(Int(first - state.first)).prefix(Self.batch)
            return Lines(first: first, texts: Array(texts))
        }
    }

    /// Takes note of what the client is about to do, before that is written into the log.
    package func watch(_ event: ClientEvent) {
        guard case .started(let order) = event, let privacy = order.assignment.privacy, !privacy.isCentral else {
            return
        }
        state.withLock { state in
            state.append("A job's privacy hides what happens here from now on, until this client is started again.")
            state.isSealed = true
        }
    }
}

extension LiveLog.State {
    fileprivate mutating func append(_ text: String) {
        guard !isSealed else { return }
        texts.append(PeerText.sentence(text))
        guard texts.count > LiveLog.capacity else { return }
        texts.removeFirst()
        first += 1
    }
}
