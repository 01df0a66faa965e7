import FederatedLearning
import WireProtocol

/// Some lines of a client's log, as the client lends them.
package struct ClientLog: Hashable, Sendable, Codable {
    /// The number of the first line; lines count from 0, from the client's start on.
    package let first: UInt64
    package let lines: [String]

    package init(first: UInt64, lines: [String]) {
        self.first = first
        self.lines = lines
    }

    /// The number of the line that follows.
    package var next: UInt64 { first &+ UInt64(lines.count) }
}

extension ClientLog {
    init(_ message: Tributary_V1_LogLines) {
        self.init(first: message.first, lines: message.lines.map(PeerText.sentence))
    }
}
