import FederationHarness
import NIOCore
import WireProtocol

/// What must hold after an attack, beside the server being well and honest clients at work.
enum Outcome: Sendable {
    /// Not one application byte came.
    case noByte
    /// The server said Goodbye with this code, and a reason that contains the text.
    case goodbye(Tributary_V1_Goodbye.Code, String)
    /// The connection was closed; what the server said before does not matter.
    case closed
    /// The conversation went on: a Ping that came after was answered.
    case goesOn
    /// The offer was rejected with a reason that contains the text.
    case rejected(String)
    /// The offer counted: what was wrong with it was harmless, or made so.
    case counted
    /// The admin API answered with one of these statuses, or not at all when the list holds 0.
    case status([Int])
    /// The deed has checked it itself.
    case asTheDeedSays

    /// Whether the attacker's update is part of the round.
    var countsAttacker: Bool {
        if case .counted = self { true } else { false }
    }

    func check(_ observation: Observation) throws {
        switch self {
        case .noByte:
            try require(observation.received.readableBytes == 0, "no byte, not \(observation.received.readableBytes)")
        case .goodbye(let code, let text):
            guard let goodbye = observation.goodbye else {
                throw AttackFailure("Goodbye was due; there came \(observation.messages.map { "\($0)".prefix(80) }).")
            }
            try require(goodbye.code == code, "\(code), not \(goodbye.code) (\(goodbye.reason))")
            try require(goodbye.reason.contains(text), "a reason with '\(text)', not '\(goodbye.reason)'")
        case .closed, .asTheDeedSays:
            return
        case .goesOn:
            let isAnswered = observation.messages.contains { message in
                if case .pong(let pong) = message { pong.nonce == Deed.lastNonce } else { false }
            }
            try require(isAnswered, "an answer to the last Ping, not \(observation.messages.suffix(1))")
        case .rejected(let text):
            guard case .verdict(let verdict)? = observation.answer else {
                throw AttackFailure("A verdict was due, not \(String(describing: observation.answer)).")
            }
            try require(!verdict.accepted, "a rejection")
            try require(verdict.reason.contains(text), "a reason with '\(text)', not '\(verdict.reason)'")
        case .counted:
            guard case .verdict(let verdict)? = observation.answer, verdict.accepted else {
                throw AttackFailure("An accepted update was due, not \(String(describing: observation.answer)).")
            }
        case .status(let allowed):
            let status = observation.status ?? 0
            try require(allowed.contains(status), "a status of \(allowed), not \(status)")
        }
    }

    private func require(_ holds: Bool, _ due: String) throws {
        if !holds { throw AttackFailure("There was due \(due).") }
    }
}
