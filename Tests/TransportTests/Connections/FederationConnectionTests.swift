import Foundation
import NIOCore
import NIOPosix
import Testing
import WireProtocol

@testable import Transport

@Suite("A connection between members", .timeLimit(.minutes(1)))
struct FederationConnectionTests {
    @Test("carries frames both ways, and each side knows the other from its certificate")
    func bothWays() async throws {
        let federation = try TestFederation()
        let client = try federation.client("berlin")
        let arrived = Recorder<PeerIdentity>()
        try await federation.withListener { connection in
            arrived.record(connection.peer)
            await echo(connection)
        } _: { port in
            try await federation.dial(port, as: client) { connection in
                #expect(connection.peer.role == .server)
                #expect(connection.peer.fingerprint == federation.server.certificate.fingerprint)
                var frames = connection.inbound.makeAsyncIterator()
                try await connection.send(.hello)
                guard case .control(let control) = try await frames.next(), case .welcome(let welcome) = control.message
                else {
                    Issue.record("Welcome was due")
                    return
                }
                #expect(welcome.client == "berlin")
                let payload = ByteBuffer(bytes: (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 * 7) })
                let chunk = Chunk(digest: PayloadDigest(hashing: [1]), offset: 77, bytes: payload)
                try await connection.send(.chunk(chunk))
                #expect(try await frames.next() == .chunk(chunk))
                try await connection.send(.ping(5))
                #expect(try await frames.next() == .pong(5))
            }
        }
        let peer = try #require(arrived.values.first)
        #expect(peer.role == .client(name: "berlin"))
        #expect(peer.name == "berlin")
        #expect(peer.fingerprint == client.certificate.fingerprint)
        #expect(peer.serialNumber == client.certificate.serialNumber)
        #expect(peer.notValidAfter == client.certificate.notValidAfter)
        #expect(peer.address.hasPrefix("127.0.0.1:"))
    }

    @Test("never mixes frames that are sent at the same time")
    func concurrentSends() async throws {
        let federation = try TestFederation()
        try await federation.withListener(handle: echo) { port in
            try await federation.dial(port, as: federation.client("a")) { connection in
                async let sent: Void = sendFromEightTasks(over: connection)
                let counts = try await countEchoes(200, from: connection)
                try await sent
                #expect(counts == Dictionary(uniqueKeysWithValues: (0..<8).map { (digest(of: $0), 25) }))
            }
        }
    }

    private func digest(of sender: Int) -> PayloadDigest { PayloadDigest(hashing: [UInt8(sender)]) }

    private func sendFromEightTasks(over connection: FrameConnection) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for sender in 0..<8 {
                let digest = digest(of: sender)
                group.addTask {
                    let bytes = ByteBuffer(repeating: UInt8(sender), count: 40_000)
                    for index in 0..<25 {
                        try await connection.send(.chunk(Chunk(digest: digest, offset: UInt64(index), bytes: bytes)))
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// Counts the chunks of each sender, which have to be whole and in the order in which they were sent.
    private func countEchoes(_ count: Int, from connection: FrameConnection) async throws -> [PayloadDigest: Int] {
        var counts: [PayloadDigest: Int] = [:]
        var frames = connection.inbound.makeAsyncIterator()
        for _ in 0..<count {
            guard case .chunk(let chunk) = try await frames.next() else { break }
            #expect(chunk.offset == UInt64(counts[chunk.digest, default: 0]))
            #expect(Set(chunk.bytes.readableBytesView).count == 1)
            counts[chunk.digest, default: 0] += 1
        }
        return counts
    }

    @Test("refuses to send what the other side would refuse, and goes on")
    func ownMistake() async throws {
        let federation = try TestFederation()
        try await federation.withListener(handle: echo) { port in
            try await federation.dial(port, as: federation.client("a")) { connection in
                await #expect(throws: FramingError.empty) {
                    try await connection.send(.control(Tributary_V1_Control()))
                }
                try await connection.send(.ping(1))
                var frames = connection.inbound.makeAsyncIterator()
                #expect(try await frames.next() == .pong(1))
            }
        }
    }

    @Test("ends with the server's Goodbye when the listener is cancelled, and the listener returns")
    func cancellation() async throws {
        let federation = try TestFederation()
        let connected = Recorder<Void>()
        let goodbyes = Recorder<Tributary_V1_Goodbye.Code?>()
        let listener = FederationListener(
            host: "127.0.0.1",
            port: 0,
            credentials: federation.server,
            logger: federation.logger
        )
        let ports = Recorder<Int>()
        let server = Task {
            try await listener.run(onBound: { ports.record($0.port) }, handle: echo)
        }
        let port = try #require(await ports.next())
        let clients = (0..<3).map { index in
            Task {
                try await federation.dial(port, as: federation.client("client-\(index)")) { connection in
                    try await connection.send(.hello)
                    for try await frame in connection.inbound {
                        guard case .control(let control) = frame else { continue }
                        if case .welcome = control.message { connected.record(()) }
                        if case .goodbye(let goodbye) = control.message { goodbyes.record(goodbye.code) }
                    }
                }
            }
        }
        for _ in clients { _ = await connected.next() }
        server.cancel()
        try await server.value
        for client in clients { try await client.value }
        #expect(goodbyes.values == [.shuttingDown, .shuttingDown, .shuttingDown])
        // Nothing listens any more.
        let error = await #expect(throws: TransportError.self) {
            try await federation.dial(port, as: federation.client("late")) { _ in }
        }
        #expect(error == .refused(host: "127.0.0.1", port: port))
    }

    @Test("a cancelled client leaves at once")
    func cancelledClient() async throws {
        let federation = try TestFederation()
        let departed = Recorder<Void>()
        try await federation.withListener { connection in
            await echo(connection)
            departed.record(())
        } _: { port in
            let connected = Recorder<Void>()
            let client = Task {
                try await federation.dial(port, as: federation.client("a")) { connection in
                    connected.record(())
                    for try await _ in connection.inbound {}
                }
            }
            _ = await connected.next()
            client.cancel()
            await #expect(throws: CancellationError.self) { try await client.value }
            _ = await departed.next()
        }
    }

    @Test("is closed when the other side takes nothing for too long")
    func peerDoesNotRead() async throws {
        let federation = try TestFederation()
        let failures = Recorder<any Error>()
        var limits = TransportLimits.federation
        limits.writePatience = .milliseconds(300)
        try await federation.withListener(limits: limits) { connection in
            let bytes = ByteBuffer(repeating: 1, count: 256 << 10)
            let chunk = Chunk(digest: PayloadDigest(hashing: [1]), offset: 0, bytes: bytes)
            do {
                // The client reads nothing: its socket fills, then ours, then this call waits.
                while true { try await connection.send(.chunk(chunk)) }
            } catch {
                failures.record(error)
            }
        } _: { port in
            try await federation.dial(port, as: federation.client("sloth")) { _ in
                let error = await failures.next()
                #expect(error as? TransportError == .peerDoesNotRead(after: "0.3 seconds"))
            }
        }
    }
}
