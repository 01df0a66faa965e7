import ClientDaemon
import Foundation
import Logging
import NIOCore
import Synchronization
import Testing
import Transport
import WireProtocol

/// A server in a test's hands: real TLS on loopback, and nothing but what the test says.
struct ScriptedServer: Sendable {
    let authority: CertificateAuthority
    let address: BoundAddress
    /// The clients' connections, in order of arrival.
    let peers: AsyncStream<ScriptedPeer>

    /// Lends a listening server to `body`.
    static func withServer<Result: Sendable>(
        _ body: @Sendable @escaping (ScriptedServer) async throws -> Result
    ) async throws -> Result {
        let now = Date.now
        let authority = try CertificateAuthority.create(name: "test", now: now)
        let key = NodeKey()
        let listener = FederationListener(
            host: "127.0.0.1",
            port: 0,
            credentials: try ServerCredentials(
                certificate: authority.issueServer(hosts: ["127.0.0.1"], publicKey: key.publicKey, now: now),
                key: key,
                authority: authority.certificate
            ),
            logger: .silent
        )
        let (peers, peersContinuation) = AsyncStream.makeStream(of: ScriptedPeer.self)
        let (bound, boundContinuation) = AsyncStream.makeStream(of: BoundAddress.self)
        return try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask {
                try await listener.run(onBound: { boundContinuation.yield($0) }) { connection in
                    let peer = ScriptedPeer(connection)
                    peersContinuation.yield(peer)
                    await peer.pump()
                }
                return nil
            }
            group.addTask {
                let address = try #require(await bound.first { _ in true })
                return try await body(ScriptedServer(authority: authority, address: address, peers: peers))
            }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let result { return result }
            }
            throw CancellationError()
        }
    }

    /// The next client that connects and is let in.
    func nextPeer(heartbeat: UInt32 = 10) async throws -> ScriptedPeer {
        let peer = try #require(await peers.first { _ in true })
        try await peer.letIn(heartbeat: heartbeat)
        return peer
    }

    /// Makes `folder` a member of this federation.
    func join(_ folder: URL, name: String = "silo") throws -> ClientDirectory {
        let directory = ClientDirectory(folder)
        try directory.create()
        try directory.createCredentialsFolder()
        let key = NodeKey()
        try key.write(to: directory.privateKeyFile)
        try authority.certificate.write(to: directory.authorityFile)
        try authority.issueClient(name: name, publicKey: key.publicKey, now: .now).write(to: directory.certificateFile)
        try ConfigurationFile.establish(
            server: ServerAddress(host: address.host, port: address.port),
            in: directory
        )
        return directory
    }
}

/// One client as the scripted server sees it.
final class ScriptedPeer: Sendable {
    private let connection: FrameConnection
    private let conversation: Mutex<ServerConversation>
    private let (frames, framesContinuation) = AsyncStream.makeStream(of: Frame.self)
    private let everything = Mutex(ByteBuffer())

    init(_ connection: FrameConnection) {
        self.connection = connection
        self.conversation = Mutex(ServerConversation(limits: ConversationLimits(), openedAt: .now))
    }

    /// Every byte that the client has sent, as frames.
    var received: [UInt8] { everything.withLock { Array($0.readableBytesView) } }

    /// Takes in what the client sends until it, or ``close()``, ends the connection.
    func pump() async {
        do {
            for try await frame in connection.inbound {
                let pieces = try frame.serialized(limits: .federation)
                everything.withLock { everything in
                    for piece in pieces { everything.writeImmutableBuffer(piece) }
                }
                framesContinuation.yield(frame)
            }
        } catch {}
        framesContinuation.finish()
    }

    /// What the client said next; `nil` when it has gone.
    ///
    /// Heartbeats are answered, and left out unless asked for.
    func next(includingPings: Bool = false) async throws -> ServerConversation.Event? {
        for await frame in frames {
            let event = try conversation.withLock { try $0.received(frame, at: .now) }
            guard case .ping(let nonce) = event else { return event }
            var pong = Tributary_V1_Pong()
            pong.nonce = nonce
            try await say(.pong(pong))
            if includingPings { return event }
        }
        return nil
    }

    func say(_ message: Tributary_V1_Control.OneOf_Message) async throws {
        try await connection.send(conversation.withLock { $0.send(message) })
    }

    func letIn(heartbeat: UInt32 = 10) async throws {
        guard case .hello = try await next() else {
            Issue.record("the client began with something else than Hello")
            return
        }
        var welcome = Tributary_V1_Welcome()
        welcome.protocolVersion = ProtocolVersion.current
        welcome.client = connection.peer.name
        welcome.heartbeatSeconds = heartbeat
        welcome.chunkBytes = UInt32(FrameLimits.defaultChunkBytes)
        welcome.payloadBytes = 1 << 30
        try await say(.welcome(welcome))
    }

    /// Sends bytes of a payload as chunks; of `other` when they are to pretend.
    func send(
        _ payload: [UInt8],
        as other: [UInt8]? = nil,
        from start: Int = 0,
        to end: Int? = nil,
        chunkBytes: Int = 16 << 10
    ) async throws {
        let digest = PayloadDigest(hashing: other ?? payload)
        let end = end ?? payload.count
        for offset in stride(from: start, to: end, by: chunkBytes) {
            let bytes = ByteBuffer(bytes: payload[offset..<min(end, offset + chunkBytes)])
            try await connection.send(.chunk(Chunk(digest: digest, offset: UInt64(offset), bytes: bytes)))
        }
        if end == payload.count { conversation.withLock { $0.fetchEnded(digest) } }
    }

    /// Asks for an offered update, and returns its bytes from `offset` on.
    func upload(_ offer: Tributary_V1_UpdateOffer, from offset: UInt64 = 0) async throws -> [UInt8] {
        let frame = try conversation.withLock { try $0.requestUpload(of: offer, from: offset, at: .now) }
        try await connection.send(frame)
        var bytes: [UInt8] = []
        while let event = try await next() {
            guard case .chunk(let chunk, let isLast) = event else { continue }
            bytes += chunk.bytes.readableBytesView
            if isLast { break }
        }
        return bytes
    }

    /// Ends the connection without a word.
    func close() async {
        await connection.close()
    }
}

extension Logger {
    static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}
