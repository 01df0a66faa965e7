import Foundation
import NIOCore
import Testing

@testable import WireProtocol

@Suite("The client's end of a conversation")
struct ClientConversationTests {
    private let start = ContinuousClock.now

    private func established(_ limits: ConversationLimits = .init()) throws -> ClientConversation {
        var client = ClientConversation(limits: limits, openedAt: start)
        _ = client.send(.hello(Messages.hello))
        #expect(try client.received(.message(.welcome(Messages.welcome)), at: start) == .welcome(Messages.welcome))
        #expect(client.isEstablished)
        return client
    }

    @Test("goes from Welcome over an order, a fetch and an upload to a verdict")
    func wholeRound() throws {
        var client = try established()
        #expect(
            try client.received(.message(.order(Messages.order)), at: start)
                == .order(Messages.order, digest: Messages.digest)
        )
        _ = try client.fetch(Messages.digest, byteCount: UInt64(Messages.payload.count), from: 0, at: start)
        for index in 0..<3 {
            let chunk = Messages.chunk(index)
            #expect(try client.received(.chunk(chunk), at: start) == .chunk(chunk, isLast: index == 2))
        }
        _ = client.send(.updateOffer(Messages.offer))
        var request = Tributary_V1_UploadRequest()
        request.id = Messages.id()
        request.sha256 = Messages.digest.message
        request.offset = 7
        #expect(
            try client.received(.message(.uploadRequest(request)), at: start)
                == .uploadRequest(request, digest: Messages.digest)
        )
        let verdict = Messages.verdict(accepted: true)
        #expect(try client.received(.message(.updateVerdict(verdict)), at: start) == .updateVerdict(verdict))
        #expect(throws: ProtocolViolation.unexpectedReply(message: "UpdateVerdict")) {
            try client.received(.message(.updateVerdict(verdict)), at: start)
        }
    }

    @Test("lines of a log are asked for where one is lent, and come when they were asked for")
    func log() throws {
        var lines = Tributary_V1_LogLines()
        lines.first = 7
        lines.lines = ["Training began"]
        for lends in [true, false] {
            var hello = Messages.hello
            hello.lendsLog = lends
            var client = ClientConversation(limits: .init(), openedAt: start)
            var server = ServerConversation(limits: .init(), openedAt: start)
            _ = try server.received(client.send(.hello(hello)), at: start)
            _ = try client.received(server.send(.welcome(Messages.welcome)), at: start)
            var request = Tributary_V1_LogRequest()
            request.from = 7
            let frame = server.send(.logRequest(request))
            guard lends else {
                let error = #expect(throws: ProtocolViolation.self) { try client.received(frame, at: start) }
                #expect(error?.description.contains("LogRequest") == true)
                continue
            }
            #expect(try client.received(frame, at: start) == .logRequest(request))
            let answer = client.send(.logLines(lines))
            #expect(try server.received(answer, at: start) == .logLines(lines))
            #expect(throws: ProtocolViolation.unexpectedReply(message: "LogLines")) {
                try server.received(answer, at: start)
            }
        }
    }

    @Test("speaks with both ends: what one sends, the other takes")
    func bothEnds() throws {
        var client = ClientConversation(limits: .init(), openedAt: start)
        var server = ServerConversation(limits: .init(), openedAt: start)
        _ = try server.received(client.send(.hello(Messages.hello)), at: start)
        _ = try client.received(server.send(.welcome(Messages.welcome)), at: start)
        _ = try client.received(server.send(.order(Messages.order)), at: start)
        _ = try server.received(client.send(.orderReply(Messages.reply(to: Messages.id()))), at: start)
        _ = try server.received(client.fetch(Messages.digest, byteCount: 3 << 14, from: 0, at: start), at: start)
        for index in 0..<3 { _ = try client.received(.chunk(Messages.chunk(index)), at: start) }
        server.fetchEnded(Messages.digest)
        _ = try server.received(client.send(.updateOffer(Messages.offer)), at: start)
        _ = try client.received(server.requestUpload(of: Messages.offer, from: 0, at: start), at: start)
        for index in 0..<3 { _ = try server.received(.chunk(Messages.chunk(index)), at: start) }
        _ = try client.received(server.send(.updateVerdict(Messages.verdict(accepted: true))), at: start)
        var result = Tributary_V1_EvaluationResult()
        result.id = Messages.id(round: 0, kind: .evaluate)
        _ = try server.received(client.send(.evaluationResult(result)), at: start)
        var receipt = Tributary_V1_EvaluationReceipt()
        receipt.id = result.id
        _ = try client.received(server.send(.evaluationReceipt(receipt)), at: start)
        _ = try server.received(client.send(.ping(Messages.ping(3))), at: start)
        var pong = Tributary_V1_Pong()
        pong.nonce = 3
        #expect(try client.received(server.send(.pong(pong)), at: start) == .pong(nonce: 3))
        let goodbye = try client.received(server.send(.goodbye(.init())), at: start)
        #expect(goodbye == .goodbye(.init()))
    }

    @Test("takes the server's heartbeat")
    func heartbeat() throws {
        let client = try established()
        // Messages.welcome says 7 seconds.
        #expect(client.deadline == start + .seconds(21))
    }

    @Test("lets nothing but Welcome or Goodbye come first")
    func greeting() throws {
        var client = ClientConversation(limits: .init(), openedAt: start)
        #expect(throws: ProtocolViolation.self) {
            try client.received(.message(.welcome(Messages.welcome)), at: start)
        }
        _ = client.send(.hello(Messages.hello))
        #expect(throws: ProtocolViolation.outOfTurn(message: "Order", state: "Welcome is awaited")) {
            try client.received(.message(.order(Messages.order)), at: start)
        }
        var goodbye = Tributary_V1_Goodbye()
        goodbye.code = .revoked
        #expect(try client.received(.message(.goodbye(goodbye)), at: start) == .goodbye(goodbye))
    }

    @Test("asks for nothing that is already here")
    func nothingToFetch() throws {
        var client = try established()
        #expect(throws: ProtocolViolation.offsetBeyondEnd(offset: 9, byteCount: 9)) {
            try client.fetch(Messages.digest, byteCount: 9, from: 9, at: start)
        }
    }

    @Test("ignores the rest of a payload that it no longer wants")
    func abandoned() throws {
        var client = try established()
        _ = try client.fetch(Messages.digest, byteCount: UInt64(Messages.payload.count), from: 0, at: start)
        _ = try client.received(.chunk(Messages.chunk(0)), at: start)
        client.abandonFetch(Messages.digest)
        #expect(try client.received(.chunk(Messages.chunk(1)), at: start) == .ignored)
        #expect(try client.received(.chunk(Messages.chunk(2)), at: start) == .ignored)
        #expect(throws: ProtocolViolation.unexpectedChunk(Messages.digest)) {
            try client.received(.chunk(Messages.chunk(0)), at: start)
        }
    }

    @Test("fetches again what it has abandoned when the rest has come")
    func wantedAgain() throws {
        var client = try established()
        var isPostponed = client.wantAgain(Messages.digest)
        #expect(!isPostponed, "nothing is on its way")
        let byteCount = UInt64(Messages.payload.count)
        _ = try client.fetch(Messages.digest, byteCount: byteCount, from: 0, at: start)
        isPostponed = client.wantAgain(Messages.digest)
        #expect(!isPostponed, "it is wanted")
        _ = try client.received(.chunk(Messages.chunk(0)), at: start)
        client.abandonFetch(Messages.digest)
        isPostponed = client.wantAgain(Messages.digest)
        #expect(isPostponed)
        #expect(try client.received(.chunk(Messages.chunk(1)), at: start) == .ignored)
        #expect(try client.received(.chunk(Messages.chunk(2)), at: start) == .fetchDue(Messages.digest))
        isPostponed = client.wantAgain(Messages.digest)
        #expect(!isPostponed, "all has come")
        _ = try client.fetch(Messages.digest, byteCount: byteCount, from: 0, at: start)
        #expect(try client.received(.chunk(Messages.chunk(0)), at: start) == .chunk(Messages.chunk(0), isLast: false))
    }

    @Test("a payload that waits behind another one does not stand still")
    func queuedFetch() throws {
        var client = try established(ConversationLimits(transferPatience: .seconds(30)))
        _ = try client.fetch(Messages.digest, byteCount: UInt64(Messages.payload.count), from: 0, at: start)
        _ = try client.fetch(PayloadDigest(hashing: [7]), byteCount: 9, from: 0, at: start)
        client.abandonFetch(Messages.digest)
        for (index, second) in [20, 40].enumerated() {
            _ = try client.received(.chunk(Messages.chunk(index)), at: start + .seconds(second))
        }
        _ = try client.received(.message(.ping(Messages.ping())), at: start + .seconds(55))
        try client.checkDeadline(at: start + .seconds(60))
        #expect(client.deadline == start + .seconds(70))
    }

    @Test("waits for a chunk that takes minutes as long as it comes, and for those behind it")
    func slowDownload() throws {
        var client = try established(ConversationLimits(slowestTransfer: 256))
        let waiting = PayloadDigest(hashing: [8])
        for digest in [Messages.digest, waiting] {
            _ = try client.fetch(digest, byteCount: UInt64(Messages.payload.count), from: 0, at: start)
        }
        // 4 kbit/s against a silence of three heartbeats of seven seconds.
        for look in 1...10 {
            let begun = BegunChunk(digest: Messages.digest, byteCount: 500 * 21 * look)
            try client.checkDeadline(at: client.deadline, begun: begun)
        }
        #expect(client.deadline == start + .seconds(21 * 11))
        #expect(throws: ProtocolViolation.expired(.silence(after: .seconds(21)))) {
            let begun = BegunChunk(digest: Messages.digest, byteCount: 500 * 21 * 10 + 256 * 21 - 1)
            try client.checkDeadline(at: client.deadline, begun: begun)
        }
    }

    @Test("uploads only what it has offered, from an offset inside it")
    func uploadRequests() throws {
        var client = try established()
        var request = Tributary_V1_UploadRequest()
        request.id = Messages.id()
        request.sha256 = Messages.digest.message
        #expect(throws: ProtocolViolation.unexpectedReply(message: "UploadRequest")) {
            try client.received(.message(.uploadRequest(request)), at: start)
        }
        _ = client.send(.updateOffer(Messages.offer))
        request.sha256 = PayloadDigest(hashing: [3]).message
        #expect(throws: ProtocolViolation.unexpectedReply(message: "UploadRequest")) {
            try client.received(.message(.uploadRequest(request)), at: start)
        }
        request.sha256 = Messages.digest.message
        request.offset = UInt64(Messages.payload.count)
        #expect(throws: ProtocolViolation.self) {
            try client.received(.message(.uploadRequest(request)), at: start)
        }
    }

    struct Spoiled: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let message: Tributary_V1_Control.OneOf_Message

        init(_ description: String, order change: (inout Tributary_V1_Order) -> Void) {
            var order = Messages.order
            change(&order)
            self.testDescription = description
            self.message = .order(order)
        }

        init(_ description: String, welcome change: (inout Tributary_V1_Welcome) -> Void) {
            var welcome = Messages.welcome
            change(&welcome)
            self.testDescription = description
            self.message = .welcome(welcome)
        }
    }

    static let spoiled: [Spoiled] = [
        Spoiled("client's name", welcome: { $0.client = "../etc" }),
        Spoiled("heartbeat 0", welcome: { $0.heartbeatSeconds = 0 }),
        Spoiled("heartbeat 2^32 - 1", welcome: { $0.heartbeatSeconds = .max }),
        Spoiled("chunks of a byte", welcome: { $0.chunkBytes = 1 }),
        Spoiled("chunks above the limit", welcome: { $0.chunkBytes = 1 << 21 }),
        Spoiled("no assignment", order: { $0.clearAssignment() }),
        Spoiled("no training", order: { $0.assignment.clearTraining() }),
        Spoiled("no evaluation", order: { $0.assignment.clearEvaluation() }),
        Spoiled("model digest", order: { $0.assignment.modelSha256 = Data() }),
        Spoiled("task", order: { $0.assignment.task = .UNRECOGNIZED(7) }),
        Spoiled("optimizer", order: { $0.assignment.training.optimizer = .unspecified }),
        Spoiled("batch size 0", order: { $0.assignment.training.batchSize = 0 }),
        Spoiled("length 0", order: { $0.assignment.training.maxLength = 0 }),
        Spoiled("learning rate NaN", order: { $0.assignment.training.learningRate = .nan }),
        Spoiled("weight decay negative", order: { $0.assignment.training.weightDecay = -1 }),
        Spoiled("momentum infinite", order: { $0.assignment.training.momentum = .infinity }),
        Spoiled("dropout 1", order: { $0.assignment.dropout = 1 }),
        Spoiled("dropout NaN", order: { $0.assignment.dropout = .nan }),
        Spoiled("rank 0", order: { $0.assignment.rank = 0 }),
        Spoiled("many labels", order: { $0.assignment.labels = Array(repeating: "x", count: 4097) }),
        Spoiled("long label", order: { $0.assignment.labels = [String(repeating: "x", count: 257)] }),
        Spoiled("no adapter", order: { $0.clearAdapter() }),
    ]

    @Test("refuses fields that no message may carry", arguments: spoiled)
    func fields(_ spoiled: Spoiled) throws {
        var client: ClientConversation
        if case .welcome = spoiled.message {
            client = ClientConversation(limits: .init(), openedAt: start)
            _ = client.send(.hello(Messages.hello))
        } else {
            client = try established()
        }
        let violation = #expect(throws: ProtocolViolation.self) {
            try client.received(.message(spoiled.message), at: start)
        }
        guard case .malformed(spoiled.message.name, _, _) = violation else {
            Issue.record("\(String(describing: violation))")
            return
        }
    }
}

@Suite("An enrolment's conversation")
struct EnrolmentConversationTests {
    private var request: Tributary_V1_EnrolmentRequest {
        var request = Tributary_V1_EnrolmentRequest()
        request.secret = Data(repeating: 1, count: 16)
        request.certificateRequest = Data([1])
        return request
    }

    private var response: Tributary_V1_EnrolmentResponse {
        var response = Tributary_V1_EnrolmentResponse()
        response.accepted = true
        response.certificate = Data([1])
        response.authority = Data([2])
        response.client = "berlin"
        response.host = "localhost"
        response.port = 7300
        return response
    }

    @Test("is one request and one response")
    func onceEach() throws {
        var server = EnrolmentServerConversation()
        #expect(try server.received(.message(.enrolmentRequest(request))) == request)
        #expect(throws: ProtocolViolation.self) { try server.received(.message(.enrolmentRequest(request))) }
        var client = EnrolmentClientConversation()
        #expect(try client.received(.message(.enrolmentResponse(response))) == response)
        #expect(throws: ProtocolViolation.self) { try client.received(.message(.enrolmentResponse(response))) }
    }

    @Test("takes nothing else from a stranger")
    func nothingElse() {
        for frame: Frame in [
            .chunk(Messages.chunk(0)), .message(.hello(Messages.hello)), .message(.ping(Messages.ping())),
            .message(.enrolmentResponse(response)), .control(.init()),
        ] {
            var server = EnrolmentServerConversation()
            #expect(throws: ProtocolViolation.self) { try server.received(frame) }
        }
    }

    @Test("bounds secrets and requests", arguments: [0, 15, 65])
    func bounds(_ count: Int) {
        var short = request
        short.secret = Data(repeating: 1, count: count)
        var server = EnrolmentServerConversation()
        #expect(throws: ProtocolViolation.self) { try server.received(.message(.enrolmentRequest(short))) }
        var long = request
        long.certificateRequest = Data(repeating: 1, count: (8 << 10) + 1)
        #expect(throws: ProtocolViolation.self) { try server.received(.message(.enrolmentRequest(long))) }
    }

    @Test("an acceptance is complete")
    func acceptance() {
        let changes: [(inout Tributary_V1_EnrolmentResponse) -> Void] = [
            { $0.certificate = Data() }, { $0.authority = Data() }, { $0.client = "UPPER" }, { $0.host = "" },
            { $0.port = 0 }, { $0.port = 65_536 }, { $0.reason = String(repeating: "x", count: 5000) },
        ]
        for change in changes {
            var spoiled = response
            change(&spoiled)
            var client = EnrolmentClientConversation()
            #expect(throws: ProtocolViolation.self) { try client.received(.message(.enrolmentResponse(spoiled))) }
        }
    }
}
