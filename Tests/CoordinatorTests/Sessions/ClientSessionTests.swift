import Adapters
import Aggregation
import FederatedLearning
import Foundation
import NIOCore
import TestSupport
import Testing
import Transport
import WireProtocol

@testable import Coordinator

@Suite("Client session", .timeLimit(.minutes(1)))
struct ClientSessionTests {
    /// What a client of the open round would send: the size of what it was handed.
    private static let update = (0..<40_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }

    private static func withFixture(_ body: (SessionFixture) async throws -> Void) async throws {
        try await withTemporaryDirectory { folder in try await body(SessionFixture(folder: folder)) }
    }

    // MARK: - Coming in

    @Test("lets an enrolled client in and tells who it is")
    func welcome() async throws {
        try await Self.withFixture { fixture in
            var events = await fixture.registry.events().makeAsyncIterator()
            let session = try await fixture.greeted("berlin")
            #expect(await events.next() == .arrived(ClientProfile(id: "berlin", maximumRank: 4)))
            #expect(await fixture.registry.profiles.map(\.id) == ["berlin"])
            #expect(await fixture.registry.lastHeard() == ["berlin": .sample])
            #expect(try await fixture.store.clients.clients().first?.maximumRank == 4)
            #expect(await fixture.registry.leave(session.session))
            #expect(await events.next() == .departed("berlin"))
        }
    }

    @Test("turns away a certificate that is revoked or from nowhere, and records nothing")
    func refuses() async throws {
        try await Self.withFixture { fixture in
            _ = try await fixture.store.enrol("berlin")
            try await fixture.store.clients.revoke("berlin", now: .sample)
            let stranger = TestSession(ClientSession(peer: try .sample("paris"), environment: fixture.environment))
            for var session in [try await fixture.session(of: "berlin"), stranger] {
                var hello = Tributary_V1_Hello()
                hello.protocolVersion = ProtocolVersion.current
                hello.maximumRank = 4
                #expect(await session.receive(.hello(hello)) == false)
                #expect(await session.next() == nil)
                #expect(await session.session.farewell?.code == .revoked)
            }
            #expect(await fixture.registry.connectedCount == 0)
            #expect(try await fixture.store.clients.clients().first?.lastContact == nil)
        }
    }

    @Test("closes the session of a client that is revoked")
    func revocation() async throws {
        try await Self.withFixture { fixture in
            var session = try await fixture.greeted("berlin")
            await fixture.registry.expel("berlin")
            #expect(await session.next() == nil)
            #expect(await session.session.farewell?.code == .revoked)
            #expect(await session.receive(.ping(.init())) == false)
        }
    }

    @Test("replaces an older connection of the same client, whose end then means nothing")
    func replacement() async throws {
        try await Self.withFixture { fixture in
            var older = try await fixture.greeted("berlin")
            let newer = try await fixture.greeted("berlin")
            #expect(await older.next() == nil)
            #expect(await older.session.farewell?.code == .replaced)
            #expect(await fixture.registry.leave(older.session) == false)
            #expect(await fixture.registry.connectedCount == 1)
            #expect(await fixture.registry.leave(newer.session))
        }
    }

    @Test("parts from a client that says what it may not, and records nothing", arguments: [0, 1, 2, 3])
    func violations(_ kind: Int) async throws {
        try await Self.withFixture { fixture in
            let handed = try await fixture.store.openRound(for: ["berlin"])
            let session = try await fixture.greeted("berlin")
            let before = try await fixture.store.runs.state(of: .sample)
            switch kind {
            case 0: await session.receive(.hello(.init()))
            case 1: await session.receive(.welcome(.init()))
            case 2: await session.upload(Self.update)
            default: await session.offer(Self.update) { $0.adapter.byteCount = 1 << 40 }
            }
            #expect(await session.session.farewell != nil)
            #expect(try await fixture.store.runs.state(of: .sample) == before)
            #expect(try fixture.store.payloads.store.digests().map(\.hexadecimal) == [handed.digest.hexadecimal])
        }
    }

    @Test("passes lines of a log on to whoever asked, in turn, and leaves nobody waiting")
    func log() async throws {
        try await Self.withFixture { fixture in
            var session = try await fixture.session(of: "berlin")
            try await session.greet(lendsLog: true)
            let registry = fixture.registry
            async let first = registry.log(of: "berlin", from: 3)
            guard case .logRequest(let request) = await session.next() else {
                Issue.record("no request")
                return
            }
            #expect(request.from == 3)
            var lines = Tributary_V1_LogLines()
            lines.first = 5
            lines.lines = ["Training\nbegan"]
            await session.receive(.logLines(lines))
            #expect(try await first == ClientLog(first: 5, lines: ["Training began"]))

            async let second = registry.log(of: "berlin", from: 6)
            guard case .logRequest = await session.next() else {
                Issue.record("no second request")
                return
            }
            await fixture.registry.expel("berlin")
            #expect(try await second == nil)
        }
    }

    @Test("parts from a client that lends its log and does not hand it out, and leaves nobody waiting")
    func logThatNeverComes() async throws {
        try await Self.withFixture { fixture in
            var session = try await fixture.session(of: "berlin")
            try await session.greet(lendsLog: true)
            let registry = fixture.registry
            async let log = registry.log(of: "berlin", from: 0)
            guard case .logRequest = await session.next() else {
                Issue.record("no request")
                return
            }
            // Its heartbeats come all the same.
            fixture.advance(by: .seconds(29))
            await session.receive(.ping(.init()))
            #expect(await session.session.checkDeadline())
            fixture.advance(by: .seconds(1))
            #expect(await session.session.deadline <= fixture.environment.now())
            #expect(await session.session.checkDeadline() == false)
            #expect(await session.session.farewell?.code == .idle)
            #expect(try await log == nil)
        }
    }

    @Test("asks no client for its log that does not lend it, and knows who is away")
    func keepsLogs() async throws {
        try await Self.withFixture { fixture in
            _ = try await fixture.greeted("berlin")
            await #expect(throws: CoordinatorError.logNotLent("berlin")) {
                _ = try await fixture.registry.log(of: "berlin", from: 0)
            }
            #expect(try await fixture.registry.log(of: "paris", from: 0) == nil)
        }
    }

    @Test("answers pings, and parts from a client that is silent for three heartbeats")
    func silence() async throws {
        try await Self.withFixture { fixture in
            var session = try await fixture.greeted("berlin")
            fixture.advance(by: .seconds(29))
            var ping = Tributary_V1_Ping()
            ping.nonce = 7
            await session.receive(.ping(ping))
            guard case .pong(let pong) = await session.next() else {
                Issue.record("no pong")
                return
            }
            #expect(pong.nonce == 7)
            fixture.advance(by: .seconds(29))
            #expect(await session.session.checkDeadline())
            fixture.advance(by: .seconds(1))
            #expect(await session.session.checkDeadline() == false)
            #expect(await session.session.farewell?.code == .idle)
        }
    }

    @Test("speaks for itself while a chunk comes in, behind which the client's Ping waits")
    func speaks() async throws {
        try await Self.withFixture { fixture in
            var session = try await fixture.greeted("berlin")
            let begun = BegunChunk(digest: PayloadDigest(hashing: [1]), byteCount: 1000)
            fixture.advance(by: .seconds(9))
            #expect(await session.session.checkDeadline(begun: begun))
            fixture.advance(by: .seconds(1))
            // Nothing is said of itself to a client that sends nothing: that one is to speak.
            #expect(await session.session.checkDeadline())
            #expect(await session.session.checkDeadline(begun: begun))
            guard case .ping = await session.next() else {
                Issue.record("no ping")
                return
            }
            #expect(await session.session.checkDeadline(begun: begun))
            fixture.advance(by: .seconds(10))
            #expect(await session.session.checkDeadline(begun: begun))
            guard case .ping = await session.next() else {
                Issue.record("one ping only")
                return
            }
            // A chunk that nobody asked for keeps no session.
            fixture.advance(by: .seconds(10))
            #expect(await session.session.checkDeadline(begun: begun) == false)
        }
    }

    // MARK: - Updates

    @Test(
        "asks for as many updates at a time as the gate lets through, and for the next when one has come or its client is gone"
    )
    func uploadGate() async throws {
        try await withTemporaryDirectory { folder in
            let fixture = try SessionFixture(folder: folder, uploads: UploadGate(limit: 1))
            let names: [ClientID] = ["berlin", "paris", "rome"]
            try await fixture.store.openRound(for: names)
            var sessions: [TestSession] = []
            for (index, name) in names.enumerated() {
                let session = try await fixture.greeted(name.rawValue)
                await session.offer(Self.update + [UInt8(index)])
                sessions.append(session)
            }
            // Who waits is answered all the same.
            await sessions[1].receive(.ping(.init()))
            guard case .pong = await sessions[1].next(), case .uploadRequest = await sessions[0].next() else {
                Issue.record("one request, and one answer to a ping, were due")
                return
            }
            await sessions[0].upload(Self.update + [0])
            guard case .uploadRequest = await sessions[1].next() else {
                Issue.record("the second request was due")
                return
            }
            await sessions[1].session.close()
            guard case .uploadRequest = await sessions[2].next() else {
                Issue.record("the third request was due")
                return
            }
        }
    }

    @Test("takes back an offer that still waits for its turn, and refuses it a second time")
    func postponedOffer() async throws {
        try await withTemporaryDirectory { folder in
            let fixture = try SessionFixture(folder: folder, uploads: UploadGate(limit: 1))
            try await fixture.store.openRound(for: ["berlin", "paris"])
            var first = try await fixture.greeted("berlin")
            var second = try await fixture.greeted("paris")
            await first.offer(Self.update + [0])
            _ = await first.next()
            await second.offer(Self.update + [1])
            let order = WorkOrder.ID(job: .sample, round: 1, kind: .train)
            await second.session.withdraw(order, reason: "The round is over.")
            guard case .updateVerdict(let verdict) = await second.next() else {
                Issue.record("a verdict was due")
                return
            }
            #expect(!verdict.accepted)
            await second.offer(Self.update + [1])
            await second.offer(Self.update + [1])
            #expect(await second.session.farewell?.code == .protocolError)
        }
    }

    @Test(
        "takes back an offer about which the store or the disk is being asked, and keeps no place for it",
        arguments: [false, true]
    )
    func consideredOffer(hasPlace: Bool) async throws {
        try await withTemporaryDirectory { folder in
            let fixture = try SessionFixture(folder: folder, uploads: UploadGate(limit: 1))
            try await fixture.store.openRound(for: ["berlin", "paris"])
            var first = try await fixture.greeted("berlin")
            var second = try await fixture.greeted("paris")
            let session = first.session
            let withdrawal = Task {
                // Who misses the moment comes when the bytes are awaited, and finds the same outcome.
                while await session.uploads.isEmpty {
                    if await !session.inConsideration.isEmpty, await session.hasUploadPlace == hasPlace { break }
                    await Task.yield()
                }
                await session.withdraw(WorkOrder.ID(job: .sample, round: 1, kind: .train), reason: "The round is over.")
            }
            await first.offer(Self.update + [0])
            await withdrawal.value
            var message = await first.next()
            if case .uploadRequest = message { message = await first.next() }
            guard case .updateVerdict(let verdict) = message else {
                Issue.record("a verdict was due")
                return
            }
            #expect(!verdict.accepted)
            await second.offer(Self.update + [1])
            guard case .uploadRequest = await second.next() else {
                Issue.record("the place was due to the other client")
                return
            }
        }
    }

    @Test("takes an update, passes it on when it is durable, and says what became of it")
    func upload() async throws {
        try await Self.withFixture { fixture in
            try await fixture.store.openRound(for: ["berlin"])
            var session = try await fixture.greeted("berlin")
            var events = await fixture.registry.events().makeAsyncIterator()
            await session.offer(Self.update)
            guard case .uploadRequest(let request) = await session.next() else {
                Issue.record("no upload request")
                return
            }
            #expect(request.offset == 0)
            await session.upload(Self.update)
            guard case .offered(let offer) = await events.next() else {
                Issue.record("no offer")
                return
            }
            #expect(offer.client == "berlin")
            #expect(offer.metrics["payload_bytes_up"] == Double(Self.update.count))
            #expect(try Data(contentsOf: fixture.store.payloads.file(of: offer.adapter.digest)) == Data(Self.update))

            await fixture.registry.answer(offer, with: .rejected(reason: "because"))
            guard case .updateVerdict(let verdict) = await session.next() else {
                Issue.record("no verdict")
                return
            }
            #expect(!verdict.accepted)
            #expect(verdict.reason == "because")
        }
    }

    @Test("goes on after a break where the last one ended")
    func resumption() async throws {
        try await Self.withFixture { fixture in
            try await fixture.store.openRound(for: ["berlin"])
            var first = try await fixture.greeted("berlin")
            await first.offer(Self.update)
            _ = await first.next()
            await first.upload(Self.update, to: FrameLimits.smallestInnerChunkBytes)
            _ = await fixture.registry.leave(first.session)
            await first.session.close()

            var second = try await fixture.greeted("berlin")
            var events = await fixture.registry.events().makeAsyncIterator()
            await second.offer(Self.update)
            guard case .uploadRequest(let request) = await second.next() else {
                Issue.record("no upload request")
                return
            }
            #expect(request.offset == UInt64(FrameLimits.smallestInnerChunkBytes))
            await second.upload(Self.update, from: request.offset)
            guard case .offered(let offer) = await events.next() else {
                Issue.record("no offer")
                return
            }
            // Every byte of both connections, once.
            #expect(offer.metrics["payload_bytes_up"] == Double(Self.update.count))
        }
    }

    @Test("asks for everything again when what an earlier connection left is damaged", arguments: [false, true])
    func damagedBeginning(isComplete: Bool) async throws {
        try await withTemporaryDirectory { folder in
            let fixture = try SessionFixture(folder: folder)
            try await fixture.store.openRound(for: ["berlin"])
            let left = isComplete ? Self.update.count : FrameLimits.smallestInnerChunkBytes
            let name = "payloads/partial/\(PayloadDigest(hashing: Self.update)).berlin"
            try Data(count: left).write(to: folder.appendingPathComponent(name))
            var session = try await fixture.greeted("berlin")
            var events = await fixture.registry.events().makeAsyncIterator()
            await session.offer(Self.update)
            var offsets: [UInt64] = isComplete ? [0] : [UInt64(left), 0]
            while let offset = offsets.first {
                guard case .uploadRequest(let request) = await session.next() else {
                    Issue.record("no upload request")
                    return
                }
                #expect(request.offset == offset)
                await session.upload(Self.update, from: request.offset)
                offsets.removeFirst()
            }
            guard case .offered(let offer) = await events.next() else {
                Issue.record("no offer")
                return
            }
            #expect(try Data(contentsOf: fixture.store.payloads.file(of: offer.adapter.digest)) == Data(Self.update))
            #expect(await session.session.farewell == nil)
        }
    }

    @Test("says accepted again to a client that did not hear it, and wants no byte")
    func acceptedAgain() async throws {
        try await Self.withFixture { fixture in
            try await fixture.store.openRound(for: ["berlin"])
            let offer = UpdateOffer.sample("berlin", round: 1, content: 9)
            try await fixture.store.runs.apply(.accepted(offer), to: .sample)
            var session = try await fixture.greeted("berlin")
            for (content, isAccepted) in [(UInt8(9), true), (8, false)] {
                await session.offer([content])
                guard case .updateVerdict(let verdict) = await session.next() else {
                    Issue.record("no verdict")
                    return
                }
                #expect(verdict.accepted == isAccepted)
            }
        }
    }

    @Test("wants no byte of an update whose round is over, or that nobody asked for")
    func settled() async throws {
        try await Self.withFixture { fixture in
            try await fixture.store.openRound(for: ["paris"])
            var session = try await fixture.greeted("berlin")
            await session.offer(Self.update)
            await session.offer(Self.update, round: 2)
            await session.offer(Self.update, job: JobID(rawValue: "another"))
            for _ in 0..<3 {
                guard case .updateVerdict(let verdict) = await session.next() else {
                    Issue.record("no verdict")
                    return
                }
                #expect(!verdict.accepted)
            }
        }
    }

    @Test("wants no byte of an update that is not what was handed out, and the run hears of it")
    func unfit() async throws {
        try await Self.withFixture { fixture in
            try await fixture.store.openRound(for: ["berlin"])
            var session = try await fixture.greeted("berlin")
            var events = await fixture.registry.events().makeAsyncIterator()
            await session.offer(Self.update) { $0.adapter.rank = 1000 }
            guard case .updateVerdict(let verdict) = await session.next() else {
                Issue.record("no verdict")
                return
            }
            #expect(verdict.reason.contains("1000"))
            guard case .failed("berlin", _, _) = await events.next() else {
                Issue.record("the run did not hear")
                return
            }
        }
    }

    @Test("keeps nothing of bytes that are not what they were announced as")
    func wrongDigest() async throws {
        try await Self.withFixture { fixture in
            let handed = try await fixture.store.openRound(for: ["berlin"])
            var session = try await fixture.greeted("berlin")
            let announced = [UInt8](repeating: 1, count: 100)
            await session.offer(announced)
            _ = await session.next()
            let chunk = Chunk(
                digest: PayloadDigest(hashing: announced),
                offset: 0,
                bytes: .init(bytes: [UInt8](repeating: 2, count: 100))
            )
            #expect(await session.session.received(.chunk(chunk)) == false)
            #expect(await session.session.farewell?.code == .protocolError)
            #expect(try fixture.store.payloads.store.digests().map(\.hexadecimal) == [handed.digest.hexadecimal])
        }
    }

    @Test("calls an upload off when its round is over")
    func withdrawal() async throws {
        try await Self.withFixture { fixture in
            try await fixture.store.openRound(for: ["berlin"])
            var session = try await fixture.greeted("berlin")
            await session.offer(Self.update)
            _ = await session.next()
            await session.upload(Self.update, to: FrameLimits.smallestInnerChunkBytes)
            let order = WorkOrder.ID(job: .sample, round: 1, kind: .train)
            await fixture.registry.withdraw(order, from: "berlin", reason: "enough")
            guard case .updateVerdict(let verdict) = await session.next() else {
                Issue.record("no verdict")
                return
            }
            #expect(verdict.reason == "enough")
            // What was under way arrives and is ignored.
            await session.upload(Self.update, from: UInt64(FrameLimits.smallestInnerChunkBytes))
            #expect(await session.session.farewell == nil)
            #expect(!fixture.store.payloads.store.contains(PayloadDigest(hashing: Self.update)))
        }
    }

    @Test("tells a run that listens later what waits for an answer, until the job is over")
    func unanswered() async throws {
        try await Self.withFixture { fixture in
            let handed = try await fixture.store.openRound(for: ["berlin"])
            var session = try await fixture.greeted("berlin")
            let payload = try Data(contentsOf: fixture.store.payloads.file(of: handed.digest))
            await session.offer([UInt8](payload))
            for _ in 0..<2 {
                var events = await fixture.registry.events().makeAsyncIterator()
                guard case .offered(let offer) = await events.next() else {
                    Issue.record("no offer")
                    return
                }
                #expect(offer.adapter.digest == handed.digest)
            }
            await fixture.registry.settle(.sample)
            guard case .updateVerdict(let verdict) = await session.next() else {
                Issue.record("no verdict")
                return
            }
            #expect(!verdict.accepted)
        }
    }

    // MARK: - Orders, evaluations and fetches

    @Test("passes on orders, refusals, progress and evaluations")
    func orders() async throws {
        try await Self.withFixture { fixture in
            let handed = try await fixture.store.openRound(for: ["berlin"])
            var session = try await fixture.greeted("berlin")
            var events = await fixture.registry.events().makeAsyncIterator()
            let train = WorkOrder.ID(job: .sample, round: 1, kind: .train)
            let evaluate = WorkOrder.ID(job: .sample, round: 0, kind: .evaluate)
            let assignment = Assignment(job: .sample(), modelDigest: .sampleModel)
            for id in [train, evaluate] {
                let order = WorkOrder(id: id, adapter: handed, assignment: assignment)
                await fixture.registry.send(order, to: "berlin")
                guard case .order(let message) = await session.next() else {
                    Issue.record("no order")
                    return
                }
                #expect(message.id == id.message)
                #expect(message.adapter == handed.message)
                #expect(message.assignment.modelSha256 == PayloadDigest(ContentDigest.sampleModel).message)
            }

            var progress = Tributary_V1_Progress()
            progress.id = train.message
            progress.step = 3
            progress.stepCount = 10
            progress.loss = 0.5
            await session.receive(.progress(progress))
            #expect(await events.next() == .progressed("berlin", train, .init(step: 3, stepCount: 10, loss: 0.5)))

            var reply = Tributary_V1_OrderReply()
            reply.id = train.message
            reply.reason = "no data"
            await session.receive(.orderReply(reply))
            #expect(await events.next() == .failed("berlin", train, reason: "no data"))

            var result = Tributary_V1_EvaluationResult()
            result.id = evaluate.message
            result.exampleCount = 5
            result.metrics = ["accuracy": 0.5]
            await session.receive(.evaluationResult(result))
            guard case .evaluated("berlin", evaluate, let report) = await events.next() else {
                Issue.record("no evaluation")
                return
            }
            #expect(report.metrics["accuracy"] == 0.5)
            await fixture.registry.confirm(evaluate, to: "berlin")
            guard case .evaluationReceipt(let receipt) = await session.next() else {
                Issue.record("no receipt")
                return
            }
            #expect(receipt.id == evaluate.message)
        }
    }

    @Test("gives out what was handed to a client and what all evaluate, and nothing else")
    func fetches() async throws {
        try await Self.withFixture { fixture in
            let store = fixture.store
            try await store.submitSample()
            let global = try await store.runs.keep(.sample(seed: 1))
            let ofBerlin = try await store.runs.keep(.sample(seed: 2))
            let ofParis = try await store.runs.keep(.sample(seed: 3))
            let cohort = [
                CohortMember(client: "berlin", adapter: ofBerlin), CohortMember(client: "paris", adapter: ofParis),
            ]
            try await store.runs.apply(.began(initial: global), to: .sample)
            try await store.runs.apply(.opened(round: 1, cohort: cohort), to: .sample)
            let session = try await fixture.greeted("berlin").session
            func isSent(_ reference: AdapterReference) async throws -> Bool {
                try await session.begins(.init(digest: PayloadDigest(reference.digest), offset: 0))
            }
            #expect(try await isSent(global))
            #expect(try await isSent(ofBerlin))
            #expect(try await !isSent(ofParis))
            #expect(try await !isSent(.sample(1)))
        }
    }
}
