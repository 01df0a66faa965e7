import Foundation
import HostilePeers
import NIOSSL
import Transport

/// Who an attacker is, as far as TLS shows.
struct Peer: Sendable {
    /// Makes the peer; `nil` for one that speaks no TLS.
    let make: @Sendable (AttackField) throws -> RawTLSPeer?

    /// Speaks no TLS.
    static let plain = Peer { _ in nil }
    /// Speaks TLS and shows no certificate.
    static let stranger = Peer { _ in RawTLSPeer() }
    /// Is enrolled.
    static let member = Peer { try $0.intruder() }

    /// Is enrolled, and speaks an old TLS.
    static func member(speaking version: TLSVersion) -> Peer {
        Peer { try $0.intruder(versions: (version, version)) }
    }

    /// Shows a certificate that `issue` makes for a fresh key.
    static func showing(
        _ issue: @Sendable @escaping (AttackField, NodePublicKey) throws -> NodeCertificate
    ) -> Peer {
        Peer { field in
            let key = NodeKey()
            return RawTLSPeer(certificate: try issue(field, key.publicKey), key: key)
        }
    }
}
