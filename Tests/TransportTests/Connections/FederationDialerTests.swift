import Foundation
import HostilePeers
import NIOCore
import NIOPosix
import Testing
import WireProtocol

@testable import Transport

@Suite("A client that connects", .timeLimit(.minutes(1)))
struct FederationDialerTests {
    private func failure(
        _ federation: TestFederation,
        host: String = "127.0.0.1",
        port: Int,
        limits: TransportLimits = .federation
    ) async throws -> TransportError? {
        let client = try federation.client("berlin")
        return await #expect(throws: TransportError.self) {
            try await federation.dial(port, as: client, host: host, limits: limits) { connection in
                try await connection.send(.hello)
                for try await _ in connection.inbound {}
                throw TransportError.closed
            }
        }
    }

    @Test("to a host that does not exist learns that it is the name")
    func unknownHost() async throws {
        let error = try await failure(TestFederation(), host: "no-such-host.invalid", port: 1)
        #expect(error?.kind == .dns)
        #expect(error?.description.contains("no-such-host.invalid") == true)
    }

    @Test("to a port on which nobody listens learns that it was refused")
    func refused() async throws {
        // A port that was just free.
        let port = try await RawTCPPeer.withServer(greeting: []) { $0 }
        let error = try await failure(TestFederation(), port: port)
        #expect(error == .refused(host: "127.0.0.1", port: port))
        #expect(error?.kind.rawValue == "refused")
    }

    @Test("to something that does not speak TLS learns that")
    func noTLS() async throws {
        let federation = try TestFederation()
        let error = try await RawTCPPeer.withServer(greeting: Array("220 smtp.example.org\r\n".utf8)) { port in
            try await failure(federation, port: port)
        }
        #expect(error?.kind == .tls)
    }

    @Test("to something that says nothing gives up at the handshake's deadline")
    func silence() async throws {
        let federation = try TestFederation()
        var limits = TransportLimits.federation
        limits.handshakeTimeout = .milliseconds(200)
        let error = try await RawTCPPeer.withServer(greeting: []) { [limits] port in
            try await failure(federation, port: port, limits: limits)
        }
        #expect(error?.kind == .tls)
        #expect(error?.description.contains("0.2") == true)
    }

    @Test("does not trust a server of another authority")
    func otherAuthority() async throws {
        let server = try TestFederation()
        let federation = try TestFederation()
        let error = try await server.withListener(handle: echo) { port in
            try await failure(federation, port: port)
        }
        #expect(error?.kind == .identity)
        #expect(error?.description.contains("authority") == true)
    }

    @Test(
        "does not trust a server that is named otherwise, by name or by address",
        arguments: ["localhost", "127.0.0.1"]
    )
    func otherName(_ host: String) async throws {
        // The listener is reached under both; its certificate names the other one only.
        let federation = try TestFederation(hosts: [host == "localhost" ? "127.0.0.1" : "localhost"])
        let error = try await federation.withListener(handle: echo) { port in
            try await failure(federation, host: host, port: port)
        }
        #expect(error?.kind == .identity)
    }

    @Test("does not take a client of its own federation for the server")
    func clientAsServer() throws {
        let federation = try TestFederation()
        let client = try federation.client("evil").certificate
        let error = #expect(throws: TransportError.self) {
            try FederationDialer.judge(client, of: HostName("localhost"), "somewhere")
        }
        #expect(error?.kind == .identity)
    }

    @Test(
        "whose certificate has ended, or not begun, by the server's clock learns that after the handshake",
        arguments: [-86_400, 86_400]
    )
    func expired(_ begin: TimeInterval) async throws {
        let federation = try TestFederation()
        let key = NodeKey()
        let expired = try federation.authority.issueClient(
            name: "late",
            publicKey: key.publicKey,
            now: .now.addingTimeInterval(begin),
            validFor: .seconds(60)
        )
        let client = try ClientCredentials(
            certificate: expired,
            key: key,
            authority: federation.authority.certificate
        )
        let error = try await federation.withListener(handle: echo) { port in
            await #expect(throws: TransportError.self) {
                try await federation.dial(port, as: client) { connection in
                    for try await _ in connection.inbound {}
                }
            }
        }
        #expect(error == .expired)
        #expect(error?.kind == .identity)
    }

    @Test("is not let go on with a connection that its task has left")
    func cancelledHandshake() async throws {
        let federation = try TestFederation()
        let client = try federation.client("a")
        try await RawTCPPeer.withServer(greeting: []) { port in
            let task = Task { try await federation.dial(port, as: client) { _ in } }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }

    @Test("says what is wrong with a port that is taken")
    func taken() async throws {
        let federation = try TestFederation()
        try await RawTCPPeer.withServer(greeting: []) { port in
            let listener = FederationListener(
                host: "127.0.0.1",
                port: port,
                credentials: federation.server,
                logger: federation.logger
            )
            let error = await #expect(throws: TransportError.self) {
                try await listener.run(onBound: { _ in }, handle: { _ in })
            }
            #expect(error?.kind == .configuration)
            #expect(error?.description.contains(":\(port)") == true)
        }
    }
}
