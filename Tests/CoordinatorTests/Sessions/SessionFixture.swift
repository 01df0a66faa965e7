import Aggregation
import FederatedLearning
import Foundation
import Logging
import NIOCore
import Synchronization
import TestSupport
import Testing
import Transport
import WireProtocol

@testable import Coordinator

/// A server's half without sockets: a store, a registry and a clock that stands still.
struct SessionFixture: Sendable {
    let store: CoordinatorStore
    let registry: SessionRegistry
    let environment: SessionEnvironment
    private let clock: ManualClock

    init(
        folder: URL,
        payloadLimit: UInt64 = 1 << 20,
        uploads: UploadGate = UploadGate(),
        renew: @escaping @Sendable (PeerIdentity, [UInt8]) throws -> RenewalAnswer = { _, _ in .rejected(reason: "") }
    ) throws {
        let clock = ManualClock()
        self.clock = clock
        self.store = try CoordinatorStore.temporary(in: folder)
        self.registry = SessionRegistry(metrics: CoordinatorMetrics())
        self.environment = SessionEnvironment(
            registry: registry,
            store: store,
            limits: ConversationLimits(payloadBytes: payloadLimit),
            uploads: uploads,
            metrics: CoordinatorMetrics(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            now: { clock.now },
            date: { .sample },
            renew: { peer, request in (try? renew(peer, request)) ?? .rejected(reason: "the test's renewal failed") }
        )
    }

    func advance(by duration: Duration) { clock.advance(by: duration) }

    /// Enrols a client if need be, and returns a session that has said nothing yet.
    func session(of name: String) async throws -> TestSession {
        let isEnrolled = try await store.clients.clients().contains { $0.name == name }
        let peer = isEnrolled ? try PeerIdentity.sample(name) : try await store.enrol(name)
        return TestSession(ClientSession(peer: peer, environment: environment))
    }

    /// Returns a session whose client is in.
    func greeted(_ name: String) async throws -> TestSession {
        var session = try await session(of: name)
        try await session.greet()
        return session
    }
}

private final class ManualClock: Sendable {
    private let instant = Mutex(ContinuousClock.now)

    var now: ContinuousClock.Instant { instant.withLock { $0 } }

    func advance(by duration: Duration) { instant.withLock { $0 += duration } }
}

/// A session and what it has sent.
struct TestSession {
    let session: ClientSession
    private var sent: AsyncStream<Frame>.Iterator

    init(_ session: ClientSession) {
        self.session = session
        self.sent = session.outgoing.makeAsyncIterator()
    }

    @discardableResult
    func receive(_ message: Tributary_V1_Control.OneOf_Message) async -> Bool {
        await session.received(.message(message))
    }

    /// The next message that the session sends; `nil` when it is over.
    mutating func next() async -> Tributary_V1_Control.OneOf_Message? {
        guard case .control(let control) = await sent.next(isolation: #isolation) else { return nil }
        return control.message
    }

    mutating func greet(rank: UInt32 = 4, lendsLog: Bool = false) async throws {
        var hello = Tributary_V1_Hello()
        hello.protocolVersion = ProtocolVersion.current
        hello.software = "test/1"
        hello.maximumRank = rank
        hello.lendsLog = lendsLog
        await receive(.hello(hello))
        guard case .welcome(let welcome) = await next() else {
            Issue.record("no welcome")
            return
        }
        #expect(welcome.client == session.client.rawValue)
    }

    /// Offers `payload` as the update of a round.
    func offer(
        _ payload: [UInt8],
        job: JobID = .sample,
        round: UInt32 = 1,
        _ change: (inout Tributary_V1_UpdateOffer) -> Void = { _ in }
    ) async {
        var offer = Tributary_V1_UpdateOffer()
        offer.id.job = job.rawValue
        offer.id.round = round
        offer.id.kind = .train
        offer.adapter.sha256 = PayloadDigest(hashing: payload).message
        offer.adapter.byteCount = UInt64(payload.count)
        offer.adapter.rank = 4
        offer.adapter.alpha = 8
        offer.exampleCount = 10
        change(&offer)
        await receive(.updateOffer(offer))
    }

    /// Sends `payload` from `offset` on, in chunks of 16 KiB, up to `end`.
    func upload(_ payload: [UInt8], from offset: UInt64 = 0, to end: Int? = nil) async {
        var position = Int(offset)
        let end = end ?? payload.count
        while position < end {
            let next = min(end, position + FrameLimits.smallestInnerChunkBytes)
            let chunk = Chunk(
                digest: PayloadDigest(hashing: payload),
                offset: UInt64(position),
                bytes: ByteBuffer(bytes: payload[position..<next])
            )
            guard await session.received(.chunk(chunk)) else { return }
            position = next
        }
    }
}
