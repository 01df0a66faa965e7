import Foundation
import Logging
import Synchronization
import Testing
import WireProtocol

@testable import Transport

/// A federation with one authority, a server and as many clients as a test wants, on loopback.
struct TestFederation: Sendable {
    let authority: CertificateAuthority
    let server: ServerCredentials
    let logger: Logger

    init(hosts: [String] = ["localhost", "127.0.0.1"]) throws {
        let authority = try CertificateAuthority.create(name: "test federation", now: .now)
        let key = NodeKey()
        let certificate = try authority.issueServer(hosts: hosts, publicKey: key.publicKey, now: .now)
        self.authority = authority
        self.server = try ServerCredentials(certificate: certificate, key: key, authority: authority.certificate)
        self.logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    }

    func client(_ name: String) throws -> ClientCredentials {
        let key = NodeKey()
        let certificate = try authority.issueClient(name: name, publicKey: key.publicKey, now: .now)
        return try ClientCredentials(certificate: certificate, key: key, authority: authority.certificate)
    }

    /// Runs a listener, lends its port to `body`, and stops it afterwards.
    func withListener<Result: Sendable>(
        limits: TransportLimits = .federation,
        handle: @Sendable @escaping (FrameConnection) async -> Void,
        _ body: @Sendable @escaping (Int) async throws -> Result
    ) async throws -> Result {
        let listener = FederationListener(
            host: "127.0.0.1",
            port: 0,
            credentials: server,
            limits: limits,
            logger: logger
        )
        return try await runningListener(
            { onBound in
                try await listener.run(onBound: onBound, handle: handle)
            },
            body
        )
    }

    /// Runs an enrolment listener in the same way.
    func withEnrolmentListener<Result: Sendable>(
        limits: TransportLimits = .enrolment,
        enrol: @Sendable @escaping (EnrolmentAttempt) async -> EnrolmentAnswer,
        _ body: @Sendable @escaping (Int) async throws -> Result
    ) async throws -> Result {
        let listener = EnrolmentListener(
            host: "127.0.0.1",
            port: 0,
            credentials: server,
            limits: limits,
            logger: logger
        )
        return try await runningListener(
            { onBound in
                try await listener.run(onBound: onBound, enrol: enrol)
            },
            body
        )
    }

    private func runningListener<Result: Sendable>(
        _ run: @Sendable @escaping (_ onBound: @Sendable (BoundAddress) async -> Void) async throws -> Void,
        _ body: @Sendable @escaping (Int) async throws -> Result
    ) async throws -> Result {
        let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { continuation.finish() }
                try await run { address in continuation.yield(address.port) }
            }
            var iterator = ports.makeAsyncIterator()
            let port = try #require(await iterator.next(), "the listener did not bind")
            let result = try await body(port)
            group.cancelAll()
            try await group.waitForAll()
            return result
        }
    }

    /// Connects to a listener of this federation.
    func dial<Result>(
        _ port: Int,
        as client: ClientCredentials,
        host: String = "127.0.0.1",
        limits: TransportLimits = .federation,
        _ body: (FrameConnection) async throws -> Result
    ) async throws -> Result {
        try await FederationDialer.withConnection(
            host: host,
            port: port,
            credentials: client,
            limits: limits,
            logger: logger,
            body
        )
    }

    /// Writes what an outside program needs to connect into `folder`.
    func writePEM(of client: ClientCredentials, into folder: URL) throws {
        try client.certificate.write(to: folder.appendingPathComponent("client.pem"))
        try client.credentials.key.write(to: folder.appendingPathComponent("client-key.pem"))
        try authority.certificate.write(to: folder.appendingPathComponent("authority.pem"))
    }
}

/// Says Welcome to whoever says Hello, answers Pings, and sends chunks back: enough of a server for these tests.
@Sendable
func echo(_ connection: FrameConnection) async {
    do {
        for try await frame in connection.inbound {
            switch frame {
            case .chunk:
                try await connection.send(frame)
            case .control(let control):
                switch control.message {
                case .hello:
                    var welcome = Tributary_V1_Welcome()
                    welcome.protocolVersion = 1
                    welcome.client = connection.peer.name
                    welcome.heartbeatSeconds = 10
                    welcome.chunkBytes = UInt32(FrameLimits.defaultChunkBytes)
                    try await connection.send(.message(.welcome(welcome)))
                case .ping(let ping):
                    var pong = Tributary_V1_Pong()
                    pong.nonce = ping.nonce
                    try await connection.send(.message(.pong(pong)))
                default:
                    await connection.close()
                }
            }
        }
    } catch {
        var goodbye = Tributary_V1_Goodbye()
        goodbye.code = error is CancellationError ? .shuttingDown : .protocolError
        await connection.close(saying: goodbye)
    }
}

/// Collects what happens in other tasks, and lets a test wait for it.
final class Recorder<Value: Sendable>: Sendable {
    private let stream: AsyncStream<Value>
    private let continuation: AsyncStream<Value>.Continuation
    private let seen = Mutex<[Value]>([])

    init() {
        (stream, continuation) = AsyncStream.makeStream(of: Value.self)
    }

    func record(_ value: Value) {
        seen.withLock { $0.append(value) }
        continuation.yield(value)
    }

    var values: [Value] { seen.withLock { $0 } }

    /// Waits for the next value.
    func next() async -> Value? {
        for await value in stream { return value }
        return nil
    }
}

extension Frame {
    static var hello: Frame {
        var hello = Tributary_V1_Hello()
        hello.protocolVersion = 1
        hello.software = "test"
        hello.maximumRank = 8
        return .message(.hello(hello))
    }

    static func ping(_ nonce: UInt64) -> Frame {
        var ping = Tributary_V1_Ping()
        ping.nonce = nonce
        return .message(.ping(ping))
    }

    static func pong(_ nonce: UInt64) -> Frame {
        var pong = Tributary_V1_Pong()
        pong.nonce = nonce
        return .message(.pong(pong))
    }
}
