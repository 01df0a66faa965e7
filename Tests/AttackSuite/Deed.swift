import FederationHarness
import HostilePeers
import NIOCore
import WireProtocol

/// What an attacker does.
enum Deed: Sendable {
    /// Connects, sends bytes, and waits until the server closes.
    case sends(Peer, to: Door = .federation, [UInt8])
    /// Connects, sends bytes, and goes away.
    case leaves(Peer, after: [UInt8])
    /// Becomes a welcome member, sends bytes and a Ping, and waits for its answer or the end.
    case says([UInt8])
    /// Takes part in a round, and offers an update.
    case offers(Offering)
    /// Anything else; throws ``AttackFailure`` when something does not hold.
    case does(@Sendable (AttackField) async throws -> Void)

    /// The Ping that comes after everything else.
    static let lastNonce: UInt64 = 0x7472_6962

    /// Does it.
    ///
    /// - Parameters:
    ///   - field: Where.
    ///   - honestAlone: Whether a round may count the honest clients only.
    /// - Returns: What the attacker saw.
    /// - Throws: ``AttackFailure``, and what the connections throw.
    func perform(in field: AttackField, honestAlone: Bool) async throws -> Observation {
        switch self {
        case .sends(let peer, let door, let bytes):
            let port = field.port(of: door)
            guard let tls = try peer.make(field) else {
                return Observation(received: try await RawTCPPeer.talk(to: port, sending: bytes))
            }
            return Observation(received: try await tls.talk(to: port, sending: bytes).received)
        case .leaves(let peer, let bytes):
            try await peer.make(field)?.leave(field.port(of: .federation), after: bytes)
            return Observation()
        case .says(let bytes):
            return try await Self.say(bytes, in: field)
        case .offers(let offering):
            return Observation(answer: try await field.playRound(offering, honestAlone: honestAlone))
        case .does(let body):
            try await body(field)
            return Observation()
        }
    }

    private static func say(_ bytes: [UInt8], in field: AttackField) async throws -> Observation {
        guard let peer = try Peer.member.make(field) else { return Observation() }
        let outcome = try await peer.talk(
            to: field.port(of: .federation),
            [
                .init(sending: Wire.bytes(.hello)) { Observation(received: $0).messages.count == 1 },
                .init(sending: bytes + Wire.ping(lastNonce)) { received in
                    Observation(received: received).messages.contains { message in
                        if case .pong(let pong) = message { pong.nonce == lastNonce } else { false }
                    }
                },
            ]
        )
        return Observation(received: outcome.received)
    }
}

/// A listener of the server.
enum Door: Sendable {
    case federation, enrolment, admin
}
