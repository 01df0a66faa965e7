import Foundation
import HostilePeers
import NIOCore
import NIOSSL
import Testing
import WireProtocol

@testable import Transport

/// Rows of the threat list: who may not come in, and what they see.
@Suite("A stranger", .timeLimit(.minutes(1)))
struct StrangerTests {
    private static let hello: [UInt8] = bytes(of: .hello)

    private static func bytes(of frame: Frame) -> [UInt8] {
        let pieces = (try? frame.serialized(limits: .federation)) ?? []
        return pieces.flatMap { Array($0.readableBytesView) }
    }

    /// Lets `peer` talk to a listener that welcomes everybody whom it meets, and expects that it meets nobody.
    private func expectNoByte(
        for peer: (TestFederation) throws -> RawTLSPeer,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let federation = try TestFederation()
        let peer = try peer(federation)
        let met = Recorder<PeerIdentity>()
        let outcome = try await federation.withListener { connection in
            met.record(connection.peer)
            await echo(connection)
        } _: { port in
            try await peer.talk(to: port, sending: Self.hello)
        }
        #expect(outcome.received.readableBytes == 0, sourceLocation: sourceLocation)
        #expect(met.values.isEmpty, sourceLocation: sourceLocation)
    }

    @Test("without a certificate gets no application byte")
    func noCertificate() async throws {
        try await expectNoByte { _ in RawTLSPeer() }
    }

    @Test("with a certificate of another authority gets no application byte")
    func otherAuthority() async throws {
        try await expectNoByte { _ in
            let other = try TestFederation().client("berlin").credentials
            return RawTLSPeer(certificate: other.certificate, key: other.key)
        }
    }

    @Test("with a server's certificate of the right authority gets no application byte")
    func serverAsClient() async throws {
        try await expectNoByte { federation in
            let server = federation.server.credentials
            return RawTLSPeer(certificate: server.certificate, key: server.key)
        }
    }

    @Test("with an expired certificate gets no application byte")
    func expired() async throws {
        try await expectNoByte { federation in
            let key = NodeKey()
            let past = Date.now.addingTimeInterval(-86_400)
            let certificate = try federation.authority.issueClient(
                name: "late",
                publicKey: key.publicKey,
                now: past,
                validFor: .seconds(60)
            )
            return RawTLSPeer(certificate: certificate, key: key)
        }
    }

    @Test("with a valid certificate but TLS 1.2 gets no application byte")
    func oldVersion() async throws {
        try await expectNoByte { federation in
            let client = try federation.client("berlin").credentials
            return RawTLSPeer(certificate: client.certificate, key: client.key, versions: (.tlsv12, .tlsv12))
        }
    }

    @Test("that speaks no TLS is closed without an answer but an alert")
    func noTLS() async throws {
        let federation = try TestFederation()
        let met = Recorder<PeerIdentity>()
        let received = try await federation.withListener {
            met.record($0.peer)
        } _: { port in
            try await RawTCPPeer.talk(to: port, sending: Self.hello)
        }
        #expect(met.values.isEmpty)
        // At most a TLS alert record: type 21, two version bytes, length 2, and two bytes.
        #expect(received.readableBytes == 0 || received.getInteger(at: 0, as: UInt8.self) == 21)
        #expect(received.readableBytes <= 7)
    }

    @Test("that connects and says nothing is closed at the handshake deadline, and honest clients keep working")
    func silent() async throws {
        let federation = try TestFederation()
        var limits = TransportLimits.federation
        limits.handshakeTimeout = .milliseconds(300)
        try await federation.withListener(limits: limits, handle: echo) { port in
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<50 {
                    group.addTask { try await RawTCPPeer.talk(to: port, sending: []).readableBytes }
                }
                try await federation.dial(port, as: federation.client("honest")) { connection in
                    try await connection.send(.ping(1))
                    var frames = connection.inbound.makeAsyncIterator()
                    #expect(try await frames.next() == .pong(1))
                }
                for try await count in group { #expect(count == 0) }
            }
        }
    }

    @Test("beyond the limit of handshakes is closed at once, before any handshake")
    func handshakeLimit() async throws {
        let federation = try TestFederation()
        var limits = TransportLimits.federation
        limits.maximumHandshakes = 2
        limits.handshakeTimeout = .seconds(50)
        try await federation.withListener(limits: limits, handle: echo) { port in
            let closed = Recorder<Void>()
            var channels: [any Channel] = []
            for _ in 0..<20 {
                let channel = try await RawTCPPeer.connect(to: port)
                channel.closeFuture.whenComplete { _ in closed.record(()) }
                channels.append(channel)
            }
            for _ in 0..<18 { _ = await closed.next() }
            let open = channels.filter(\.isActive)
            #expect(open.count == 2)
            for channel in open { try await channel.close() }
        }
    }

    @Test("beyond the limit of connections is closed, and there is room again when one leaves")
    func connectionLimit() async throws {
        let federation = try TestFederation()
        var limits = TransportLimits.federation
        limits.maximumConnections = 1
        try await federation.withListener(limits: limits, handle: echo) { port in
            try await federation.dial(port, as: federation.client("first")) { connection in
                try await connection.send(.ping(1))
                var frames = connection.inbound.makeAsyncIterator()
                #expect(try await frames.next() == .pong(1))
                await #expect(throws: TransportError.self) {
                    try await federation.dial(port, as: federation.client("second")) { _ in }
                }
            }
            // The server notices the departure a moment after the client has closed.
            var admitted = false
            while !admitted {
                admitted = (try? await federation.dial(port, as: federation.client("third")) { _ in }) != nil
            }
        }
    }
}
