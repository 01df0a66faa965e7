import Foundation
import Synchronization
import Testing
import WireProtocol

@testable import Transport

@Suite("A server's identity", .timeLimit(.minutes(1)))
struct ServerIdentityTests {
    /// Connects, and returns the fingerprint of what the server shows.
    private func shown(_ federation: TestFederation, _ port: Int, to client: ClientCredentials) async throws -> String {
        try await federation.dial(port, as: client) { $0.peer.fingerprint.description }
    }

    @Test("is replaced while it serves: new connections see the new certificate, open ones go on")
    func reload() async throws {
        let federation = try TestFederation()
        let identity = ServerIdentity(federation.server)
        let listener = FederationListener(host: "127.0.0.1", port: 0, identity: identity, logger: federation.logger)
        let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await listener.run(onBound: { continuation.yield($0.port) }, handle: echo) }
            let port = try #require(await ports.first { _ in true })
            let client = try federation.client("berlin")
            let old = try await shown(federation, port, to: client)
            #expect(old == federation.server.certificate.fingerprint.description)
            let key = NodeKey()
            let renewed = try ServerCredentials(
                certificate: federation.authority.issueServer(
                    hosts: ["127.0.0.1"],
                    publicKey: key.publicKey,
                    now: .now
                ),
                key: key,
                authority: federation.authority.certificate
            )
            try await federation.dial(port, as: client) { connection in
                try identity.replace(with: renewed)
                // This connection began before.
                var hello = Tributary_V1_Hello()
                hello.protocolVersion = ProtocolVersion.current
                try await connection.send(.message(.hello(hello)))
                var frames = connection.inbound.makeAsyncIterator()
                #expect(try await frames.next(isolation: nil) != nil)
            }
            #expect(try await shown(federation, port, to: client) == renewed.certificate.fingerprint.description)
            group.cancelAll()
        }
    }

    @Test("trusts the clients of both authorities while one takes over, and afterwards those of the new one only")
    func rollover() async throws {
        let federation = try TestFederation()
        let next = try CertificateAuthority.create(name: "next", now: .now)
        func client(of authority: CertificateAuthority, trusting: [NodeCertificate]) throws -> ClientCredentials {
            let key = NodeKey()
            return try ClientCredentials(
                certificate: authority.issueClient(name: "berlin", publicKey: key.publicKey, now: .now),
                key: key,
                authorities: trusting
            )
        }
        let (old, new) = (federation.authority.certificate, next.certificate)
        let before = try client(of: federation.authority, trusting: [old])
        let renewed = try client(of: next, trusting: [new, old])
        let overlap = try ServerCredentials(
            certificate: federation.server.certificate,
            key: federation.server.credentials.key,
            authorities: [new, old]
        )
        #expect(overlap.authority == old)
        let key = NodeKey()
        let after = try ServerCredentials(
            certificate: next.issueServer(hosts: ["127.0.0.1"], publicKey: key.publicKey, now: .now),
            key: key,
            authority: new
        )
        let identity = ServerIdentity(overlap)
        let listener = FederationListener(host: "127.0.0.1", port: 0, identity: identity, logger: federation.logger)
        let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await listener.run(onBound: { continuation.yield($0.port) }, handle: echo) }
            let port = try #require(await ports.first { _ in true })
            for client in [before, renewed] { #expect(try await isWelcome(client, federation, port)) }
            try identity.replace(with: after)
            #expect(try await isWelcome(renewed, federation, port))
            await #expect(throws: TransportError.self) { try await isWelcome(before, federation, port) }
            group.cancelAll()
        }
    }

    private func isWelcome(_ client: ClientCredentials, _ federation: TestFederation, _ port: Int) async throws -> Bool
    {
        try await federation.dial(port, as: client) { connection in
            var hello = Tributary_V1_Hello()
            hello.protocolVersion = ProtocolVersion.current
            try await connection.send(.message(.hello(hello)))
            var frames = connection.inbound.makeAsyncIterator()
            guard case .control(let control)? = try await frames.next(isolation: nil) else { return false }
            if case .welcome? = control.message { return true }
            return false
        }
    }

    @Test("of a client is due for renewal at two thirds of its life, counted from when it was issued")
    func renewalDate() throws {
        let now = Date(timeIntervalSince1970: 1_800_000_000)
        let authority = try CertificateAuthority.create(name: "test", now: now)
        let certificate = try authority.issueClient(name: "berlin", publicKey: NodeKey().publicKey, now: now)
        #expect(certificate.notValidAfter == now + 86_400)
        #expect(certificate.renewalDate == now + 57_600)
    }
}
