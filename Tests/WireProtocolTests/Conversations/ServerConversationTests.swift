import Foundation
import NIOCore
import Testing

@testable import WireProtocol

@Suite("The server's end of a conversation")
struct ServerConversationTests {
    private let start = ContinuousClock.now

    private func established(_ limits: ConversationLimits = .init()) throws -> ServerConversation {
        var conversation = ServerConversation(limits: limits, openedAt: start)
        #expect(try conversation.received(.message(.hello(Messages.hello)), at: start) == .hello(Messages.hello))
        #expect(!conversation.isEstablished)
        _ = conversation.send(.welcome(Messages.welcome))
        #expect(conversation.isEstablished)
        return conversation
    }

    @Test("goes from Hello over an order, a fetch, an offer and an upload to a verdict and Goodbye")
    func wholeRound() throws {
        var server = try established()
        _ = server.send(.order(Messages.order))
        let reply = Messages.reply(to: Messages.id())
        #expect(try server.received(.message(.orderReply(reply)), at: start) == .orderReply(reply))
        let fetch = try server.received(.message(.fetch(Messages.fetch())), at: start)
        #expect(fetch == .fetch(Messages.digest, offset: 0))
        server.fetchEnded(Messages.digest)
        var progress = Tributary_V1_Progress()
        progress.id = Messages.id()
        #expect(try server.received(.message(.progress(progress)), at: start) == .progress(progress))
        #expect(
            try server.received(.message(.updateOffer(Messages.offer)), at: start)
                == .updateOffer(Messages.offer, digest: Messages.digest)
        )
        guard case .control(let request) = try server.requestUpload(of: Messages.offer, from: 0, at: start),
            case .uploadRequest(let upload) = request.message
        else {
            Issue.record("an UploadRequest was due")
            return
        }
        #expect(upload.id == Messages.id())
        #expect(upload.sha256 == Messages.digest.message)
        for index in 0..<3 {
            let chunk = Messages.chunk(index)
            #expect(try server.received(.chunk(chunk), at: start) == .chunk(chunk, isLast: index == 2))
        }
        _ = server.send(.updateVerdict(Messages.verdict(accepted: true)))
        #expect(try server.received(.message(.ping(Messages.ping(9))), at: start) == .ping(nonce: 9))
        let goodbye = Tributary_V1_Goodbye()
        #expect(try server.received(.message(.goodbye(goodbye)), at: start) == .goodbye(goodbye))
        #expect(throws: ProtocolViolation.self) {
            try server.received(.message(.ping(Messages.ping())), at: start)
        }
    }

    // MARK: - Order of messages

    @Test("lets nothing come before Hello, and nothing between Hello and Welcome")
    func greeting() throws {
        let early: [Frame] = [
            .message(.ping(Messages.ping())), .message(.fetch(Messages.fetch())),
            .message(.updateOffer(Messages.offer)), .chunk(Messages.chunk(0)),
        ]
        for frame in early {
            var fresh = ServerConversation(limits: .init(), openedAt: start)
            let first = #expect(throws: ProtocolViolation.self) { try fresh.received(frame, at: start) }
            guard case .outOfTurn(_, state: "Hello is awaited") = first else {
                Issue.record("\(String(describing: first))")
                continue
            }
            var greeting = ServerConversation(limits: .init(), openedAt: start)
            _ = try greeting.received(.message(.hello(Messages.hello)), at: start)
            let second = #expect(throws: ProtocolViolation.self) { try greeting.received(frame, at: start) }
            guard case .outOfTurn(_, state: "Welcome is due") = second else {
                Issue.record("\(String(describing: second))")
                continue
            }
        }
    }

    @Test("takes no second Hello and nothing that only servers say")
    func wrongDirection() throws {
        let wrong: [Tributary_V1_Control.OneOf_Message] = [
            .hello(Messages.hello), .welcome(Messages.welcome), .order(Messages.order),
            .orderWithdrawal(.init()), .uploadRequest(.init()), .updateVerdict(.init()), .evaluationReceipt(.init()),
            .enrolmentRequest(.init()), .enrolmentResponse(.init()),
        ]
        for message in wrong {
            var server = try established()
            #expect(
                throws: ProtocolViolation.outOfTurn(message: message.name, state: "the conversation is established")
            ) {
                try server.received(.message(message), at: start)
            }
        }
    }

    @Test("refuses another version, with the Goodbye that says so")
    func version() throws {
        for version: UInt32 in [0, 2, .max] {
            var server = ServerConversation(limits: .init(), openedAt: start)
            var hello = Messages.hello
            hello.protocolVersion = version
            let violation = #expect(throws: ProtocolViolation.unsupportedVersion(version)) {
                try server.received(.message(.hello(hello)), at: start)
            }
            #expect(violation?.goodbye.code == .versionUnsupported)
        }
    }

    @Test("refuses a message of a kind that it does not know")
    func unknownMessage() throws {
        var server = try established()
        // Field 100, a string: a message of a later version.
        var buffer = ByteBuffer(bytes: [0, 0, 0, 5, 1, 0xa2, 0x06, 1, 0x41])
        let frame = try #require(try FrameDecoder.readFrame(from: &buffer, limits: .federation))
        #expect(throws: ProtocolViolation.unknownMessage) { try server.received(frame, at: start) }
    }

    @Test("takes one reply for every time that an order was sent")
    func replies() throws {
        var server = try established()
        let reply = Frame.message(.orderReply(Messages.reply(to: Messages.id())))
        #expect(throws: ProtocolViolation.unexpectedReply(message: "OrderReply")) {
            try server.received(reply, at: start)
        }
        for _ in 0..<2 { _ = server.send(.order(Messages.order)) }
        for _ in 0..<2 { _ = try server.received(reply, at: start) }
        #expect(throws: ProtocolViolation.unexpectedReply(message: "OrderReply")) {
            try server.received(reply, at: start)
        }
    }

    @Test("takes Pong only for its own Ping")
    func pongs() throws {
        var server = try established()
        var pong = Tributary_V1_Pong()
        pong.nonce = 4
        #expect(throws: ProtocolViolation.self) { try server.received(.message(.pong(pong)), at: start) }
        _ = server.send(.ping(Messages.ping(4)))
        #expect(try server.received(.message(.pong(pong)), at: start) == .pong(nonce: 4))
    }

    @Test("ignores what comes after its own Goodbye")
    func afterGoodbye() throws {
        var server = try established()
        _ = server.send(.goodbye(.init()))
        #expect(try server.received(.message(.updateOffer(Messages.offer)), at: start) == .ignored)
        #expect(try server.received(.chunk(Messages.chunk(0)), at: start) == .ignored)
    }

    // MARK: - Transfers

    @Test("takes chunks only of uploads that it asked for")
    func unaskedChunk() throws {
        var server = try established()
        #expect(throws: ProtocolViolation.unexpectedChunk(Messages.digest)) {
            try server.received(.chunk(Messages.chunk(0)), at: start)
        }
    }

    @Test("ignores the rest of an upload that it has answered, and takes the same update again later")
    func answeredEarly() throws {
        var server = try established()
        _ = try server.received(.message(.updateOffer(Messages.offer)), at: start)
        _ = try server.requestUpload(of: Messages.offer, from: 0, at: start)
        _ = try server.received(.chunk(Messages.chunk(0)), at: start)
        _ = server.send(.updateVerdict(Messages.verdict(accepted: false)))
        #expect(try server.received(.chunk(Messages.chunk(1)), at: start) == .ignored)
        // Even unwanted chunks have to be in order.
        #expect(throws: ProtocolViolation.self) { try server.received(.chunk(Messages.chunk(1)), at: start) }

        _ = try server.received(.message(.updateOffer(Messages.offer)), at: start)
        #expect(throws: ProtocolViolation.unexpectedChunk(Messages.digest)) {
            try server.received(.chunk(Messages.chunk(2)), at: start)
        }
        _ = try server.requestUpload(of: Messages.offer, from: Messages.chunk(2).offset, at: start)
        #expect(
            try server.received(.chunk(Messages.chunk(2)), at: start) == .chunk(Messages.chunk(2), isLast: true)
        )
    }

    @Test("takes no second offer for an order whose update is on its way")
    func offerDuringUpload() throws {
        var server = try established()
        _ = try server.received(.message(.updateOffer(Messages.offer)), at: start)
        _ = try server.requestUpload(of: Messages.offer, from: 0, at: start)
        #expect(throws: ProtocolViolation.self) {
            try server.received(.message(.updateOffer(Messages.offer)), at: start)
        }
    }

    @Test("sends a payload once at a time, and only so many")
    func fetches() throws {
        var server = try established(ConversationLimits(concurrentFetches: 2))
        let others = (1...3).map { PayloadDigest(hashing: [UInt8($0)]) }
        _ = try server.received(.message(.fetch(Messages.fetch(others[0]))), at: start)
        #expect(throws: ProtocolViolation.self) {
            try server.received(.message(.fetch(Messages.fetch(others[0]))), at: start)
        }
        _ = try server.received(.message(.fetch(Messages.fetch(others[1]))), at: start)
        #expect(throws: ProtocolViolation.tooManyFetches(limit: 2)) {
            try server.received(.message(.fetch(Messages.fetch(others[2]))), at: start)
        }
        server.fetchEnded(others[0])
        _ = try server.received(.message(.fetch(Messages.fetch(others[2]))), at: start)
    }

    // MARK: - Fields

    struct Spoiled: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let message: Tributary_V1_Control.OneOf_Message

        init(_ description: String, hello change: (inout Tributary_V1_Hello) -> Void) {
            var hello = Messages.hello
            change(&hello)
            self.testDescription = description
            self.message = .hello(hello)
        }

        init(_ description: String, offer change: (inout Tributary_V1_UpdateOffer) -> Void) {
            var offer = Messages.offer
            change(&offer)
            self.testDescription = description
            self.message = .updateOffer(offer)
        }
    }

    static let spoiled: [Spoiled] = [
        Spoiled("rank 0", hello: { $0.maximumRank = 0 }),
        Spoiled("rank 10^6", hello: { $0.maximumRank = 1_000_000 }),
        Spoiled("long software", hello: { $0.software = String(repeating: "x", count: 257) }),
        Spoiled("many tags", hello: { $0.tags = .init(uniqueKeysWithValues: (0..<65).map { ("\($0)", "") }) }),
        Spoiled("nameless tag", hello: { $0.tags = ["": "x"] }),
        Spoiled("long tag", hello: { $0.tags = ["x": String(repeating: "x", count: 257)] }),
        Spoiled("no id", offer: { $0.clearID() }),
        Spoiled("no job", offer: { $0.id.job = "" }),
        Spoiled("long job", offer: { $0.id.job = String(repeating: "x", count: 65) }),
        Spoiled("round 2^32 - 1", offer: { $0.id.round = .max }),
        Spoiled("kind 0", offer: { $0.id.kind = .unspecified }),
        Spoiled("kind 9", offer: { $0.id.kind = .UNRECOGNIZED(9) }),
        Spoiled("evaluation's id", offer: { $0.id.kind = .evaluate }),
        Spoiled("no adapter", offer: { $0.clearAdapter() }),
        Spoiled("short digest", offer: { $0.adapter.sha256 = Data([1, 2, 3]) }),
        Spoiled("no bytes", offer: { $0.adapter.byteCount = 0 }),
        Spoiled("rank 0 adapter", offer: { $0.adapter.rank = 0 }),
        Spoiled("rank 10^6 adapter", offer: { $0.adapter.rank = 1_000_000 }),
        Spoiled("alpha NaN", offer: { $0.adapter.alpha = .nan }),
        Spoiled("alpha infinite", offer: { $0.adapter.alpha = .infinity }),
        Spoiled("alpha negative", offer: { $0.adapter.alpha = -1 }),
        Spoiled("no examples", offer: { $0.exampleCount = 0 }),
        Spoiled("many metrics", offer: { $0.metrics = .init(uniqueKeysWithValues: (0..<65).map { ("\($0)", 1) }) }),
        Spoiled("nameless metric", offer: { $0.metrics = ["": 1] }),
    ]

    @Test("refuses fields that no message may carry", arguments: spoiled)
    func fields(_ spoiled: Spoiled) throws {
        var server: ServerConversation
        if case .hello = spoiled.message {
            server = ServerConversation(limits: .init(), openedAt: start)
        } else {
            server = try established()
        }
        let violation = #expect(throws: ProtocolViolation.self) {
            try server.received(.message(spoiled.message), at: start)
        }
        guard case .malformed(spoiled.message.name, _, _) = violation else {
            Issue.record("\(String(describing: violation))")
            return
        }
        #expect(violation?.goodbye.code == .protocolError)
    }

    @Test("refuses payloads above the limit by their announcement, with CODE_TOO_LARGE")
    func tooLarge() throws {
        var server = try established(ConversationLimits(payloadBytes: 1000))
        let violation = #expect(throws: ProtocolViolation.self) {
            try server.received(.message(.updateOffer(Messages.offer)), at: start)
        }
        #expect(violation?.goodbye.code == .tooLarge)
    }

    // MARK: - Budgets

    @Test("bounds messages, but not chunks")
    func flood() throws {
        var server = try established(ConversationLimits(messageBurst: 11, messagesPerSecond: 1))
        for _ in 0..<10 { _ = try server.received(.message(.ping(Messages.ping())), at: start) }
        #expect(throws: ProtocolViolation.flood(perSecond: 1)) {
            try server.received(.message(.ping(Messages.ping())), at: start)
        }
        #expect(try server.received(.message(.ping(Messages.ping())), at: start + .seconds(1)) == .ping(nonce: 1))
    }

    @Test("waits ten seconds for Hello, and three heartbeats after every frame")
    func silence() throws {
        var fresh = ServerConversation(limits: .init(), openedAt: start)
        #expect(fresh.deadline == start + .seconds(10))
        try fresh.checkDeadline(at: start + .seconds(9.9))
        let violation = #expect(throws: ProtocolViolation.expired(.greeting(after: .seconds(10)))) {
            try fresh.checkDeadline(at: start + .seconds(10))
        }
        #expect(violation?.goodbye.code == .idle)

        // A Hello does not buy more time to a client that the server is slow to welcome: the server's own task.
        _ = try fresh.received(.message(.hello(Messages.hello)), at: start + .seconds(2))
        _ = fresh.send(.welcome(Messages.welcome))
        #expect(fresh.deadline == start + .seconds(32))
        _ = try fresh.received(.message(.ping(Messages.ping())), at: start + .seconds(20))
        #expect(fresh.deadline == start + .seconds(50))
        #expect(throws: ProtocolViolation.expired(.silence(after: .seconds(30)))) {
            try fresh.checkDeadline(at: start + .seconds(50))
        }
    }

    @Test("ends an upload that stands still, although pings keep coming")
    func stalledUpload() throws {
        var server = try established(ConversationLimits(transferPatience: .seconds(60)))
        _ = try server.received(.message(.updateOffer(Messages.offer)), at: start)
        _ = try server.requestUpload(of: Messages.offer, from: 0, at: start)
        for second in stride(from: 10, through: 50, by: 10) {
            _ = try server.received(.message(.ping(Messages.ping())), at: start + .seconds(second))
        }
        #expect(server.deadline == start + .seconds(60))
        _ = try server.received(.chunk(Messages.chunk(0)), at: start + .seconds(55))
        _ = try server.received(.message(.ping(Messages.ping())), at: start + .seconds(100))
        #expect(throws: ProtocolViolation.expired(.transfer(after: .seconds(60)))) {
            try server.checkDeadline(at: start + .seconds(115))
        }
    }

    @Test("waits for a chunk that takes minutes as long as it comes, and not for a byte now and then")
    func slowUpload() throws {
        var server = try established(ConversationLimits(slowestTransfer: 256))
        _ = try server.received(.message(.updateOffer(Messages.offer)), at: start)
        _ = try server.requestUpload(of: Messages.offer, from: 0, at: start)
        let digest = Messages.digest
        // 4 kbit/s, looked at whenever patience would end.
        var (time, byteCount) = (start, 0)
        for _ in 0..<10 {
            byteCount += 500 * 30
            time = server.deadline
            try server.checkDeadline(at: time, begun: BegunChunk(digest: digest, byteCount: byteCount))
        }
        #expect(time == start + .seconds(300))
        #expect(server.deadline == start + .seconds(330))
        _ = try server.received(.chunk(Messages.chunk(0)), at: start + .seconds(301))
        // A payload that nobody asked for does not count, nor do fewer bytes than are owed.
        let end = server.deadline
        #expect(end == start + .seconds(331))
        var other = server
        #expect(throws: ProtocolViolation.expired(.silence(after: .seconds(30)))) {
            let foreign = BegunChunk(digest: PayloadDigest(hashing: [9]), byteCount: 200_000)
            try other.checkDeadline(at: end, begun: foreign)
        }
        #expect(throws: ProtocolViolation.expired(.silence(after: .seconds(30)))) {
            try server.checkDeadline(at: end, begun: BegunChunk(digest: digest, byteCount: 256 * 30 - 1))
        }
    }
}
