import ClientDaemon
import FederatedLearning
package import Foundation
import Transport

@testable import Coordinator

/// A federation that nobody has disturbed yet, on disk: a server's state directory, and the folder of each client.
///
/// Made once with real certificates and copied for every seed, because making it takes longer than playing a seed.
package struct FederationTemplate: Sendable {
    /// Clients that follow the rules, and others who hold a certificate and do not.
    package static let honest = 20
    package static let hostile = 2
    package static let clients = honest + hostile
    /// How long the certificates are good for, from the beginning of the simulation on.
    package static let certificateLife = Duration.seconds(24 * 3600)
    /// The calendar at the beginning of every simulation, in seconds since 1970.
    package static let epoch = 1_800_000_000.0

    package let folder: URL
    /// What every client takes the server for.
    let server: PeerIdentity
    /// Who each client is when it starts for the first time, by number.
    let memberships: [Membership]

    package static func name(of client: Int) -> String {
        client < honest ? "silo-\(client)" : "mallory-\(client - honest)"
    }

    /// Makes a federation in `folder`, which must not exist.
    package static func make(in folder: URL) async throws -> FederationTemplate {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let now = Date(timeIntervalSince1970: epoch)
        let state = try StateDirectory.create(
            at: folder.appendingPathComponent("server"),
            listen: ListenAddress(host: "127.0.0.1", port: 8443),
            hosts: ["127.0.0.1"],
            now: now
        )
        let authority = try state.authority()
        let clients = try state.openStore().clients
        for client in 0..<Self.clients {
            let name = name(of: client)
            let secret = ContentDigest(hashing: Array("secret of \(name)".utf8))
            let key = NodeKey()
            try await clients.invite(name, secretHash: secret, expiry: now + 600, now: now)
            let issued = try await clients.redeem(secretHash: secret, now: now) { name in
                let certificate = try authority.issueClient(
                    name: name,
                    publicKey: key.publicKey,
                    now: now,
                    validFor: certificateLife
                )
                return (certificate, IssuedCertificate(certificate, of: name))
            }
            guard let certificate = issued?.certificate else { continue }
            let directory = ClientDaemon.ClientDirectory(folder.appendingPathComponent(name))
            try join(directory, key: key, certificate: certificate, authority: authority.certificate)
        }
        let certificate = try state.serverCredentials().certificate
        let server = PeerIdentity(
            role: .server,
            address: "127.0.0.1:8443",
            fingerprint: certificate.fingerprint,
            serialNumber: certificate.serialNumber,
            notValidAfter: certificate.notValidAfter
        )
        let memberships = try (0..<Self.clients).map { client in
            let directory = ClientDaemon.ClientDirectory(folder.appendingPathComponent(name(of: client)))
            return try Membership(of: directory, configuration: ConfigurationFile.read(from: directory))
        }
        return FederationTemplate(folder: folder, server: server, memberships: memberships)
    }

    private static func join(
        _ directory: ClientDaemon.ClientDirectory,
        key: NodeKey,
        certificate: NodeCertificate,
        authority: NodeCertificate
    ) throws {
        try directory.create()
        try directory.createCredentialsFolder()
        try ConfigurationFile.establish(server: ServerAddress(host: "127.0.0.1", port: 8443), in: directory)
        try key.write(to: directory.privateKeyFile)
        try NodeCertificate.write([authority], to: directory.authorityFile)
        try certificate.write(to: directory.certificateFile)
    }
}

extension IssuedCertificate {
    /// What the directory keeps of a client's certificate.
    init(_ certificate: NodeCertificate, of name: String) {
        self.init(
            name: name,
            fingerprint: ContentDigest(certificate.fingerprint),
            serial: certificate.serialNumber,
            expiry: certificate.notValidAfter
        )
    }
}
