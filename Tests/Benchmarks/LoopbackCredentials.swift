import Foundation
import Transport

/// A server and a client of one authority, for connections within this process.
struct LoopbackCredentials {
    let server: ServerCredentials
    let client: ClientCredentials

    init() throws {
        let authority = try CertificateAuthority.create(name: "Benchmark", now: .now)
        let (serverKey, clientKey) = (NodeKey(), NodeKey())
        self.server = try ServerCredentials(
            certificate: authority.issueServer(hosts: ["127.0.0.1"], publicKey: serverKey.publicKey, now: .now),
            key: serverKey,
            authority: authority.certificate
        )
        self.client = try ClientCredentials(
            certificate: authority.issueClient(name: "silo", publicKey: clientKey.publicKey, now: .now),
            key: clientKey,
            authority: authority.certificate
        )
    }
}
