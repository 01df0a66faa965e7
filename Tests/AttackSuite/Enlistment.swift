import Coordinator
import FederatedLearning
import FederationHarness
import Foundation
import HostilePeers
import Transport

extension AttackField {
    /// Enrols many clients at once, and returns a peer for each.
    func enlist(_ count: Int) async throws -> [RawTLSPeer] {
        try await enrol(count).map { RawTLSPeer(certificate: $0.certificate, key: $0.key) }
    }

    /// Enrols many clients at once, for another process.
    func enlistBesiegers(_ count: Int) async throws -> [Besiegers.Member] {
        try await enrol(count).map { Besiegers.Member(certificate: $0.certificate, key: $0.key) }
    }

    /// Enrols many clients at once, and returns what each shows.
    func enlistMembers(_ count: Int) async throws -> [ClientCredentials] {
        let authority = try federation.state.authority().certificate
        return try await enrol(count).map {
            try ClientCredentials(certificate: $0.certificate, key: $0.key, authority: authority)
        }
    }

    /// Enrols clients in the server's own records.
    ///
    /// What it saves is the way over the enrolment listener, which is not what is measured.
    private func enrol(_ count: Int) async throws -> [(certificate: NodeCertificate, key: NodeKey)] {
        let authority = try federation.state.authority()
        var members: [(NodeCertificate, NodeKey)] = []
        for index in 0..<count {
            let (key, secret) = (NodeKey(), EnrolmentDesk.hash(of: Array("enlisted-\(index)".utf8)))
            let expiry = Date.now.addingTimeInterval(3600)
            try await store.clients.invite("enlisted-\(index)", secretHash: secret, expiry: expiry, now: .now)
            let issued = try await store.clients.redeem(secretHash: secret, now: .now) { name in
                let certificate = try authority.issueClient(name: name, publicKey: key.publicKey, now: .now)
                guard let fingerprint = ContentDigest(hexadecimal: certificate.fingerprint.description) else {
                    throw AttackFailure("A fingerprint is no digest.")
                }
                let record = IssuedCertificate(
                    name: name,
                    fingerprint: fingerprint,
                    serial: certificate.serialNumber,
                    expiry: certificate.notValidAfter
                )
                return (certificate, record)
            }
            guard let issued else { throw AttackFailure("'enlisted-\(index)' was not enrolled.") }
            members.append((issued.certificate, key))
        }
        return members
    }
}
