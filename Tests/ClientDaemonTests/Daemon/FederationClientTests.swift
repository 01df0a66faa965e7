import Adapters
import ClientDaemon
import Crypto
import FederatedLearning
import Foundation
import NIOCore
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing
import Transport
import WireProtocol

/// The daemon against a server that does exactly what a test says, over real TLS.
@Suite("FederationClient", .timeLimit(.minutes(2)))
struct FederationClientTests {
    /// A running daemon, for as long as the body takes.
    @discardableResult
    private func withClient<Result: Sendable>(
        in directory: ClientDirectory,
        trainer: ScriptedTrainer = ScriptedTrainer(),
        configure: (inout ClientConfiguration) -> Void = { _ in },
        observe: @escaping @Sendable (ClientEvent) -> Void = { _ in },
        _ body: @Sendable @escaping (Running) async throws -> Result
    ) async throws -> Result {
        var configuration = try ConfigurationFile.read(from: directory)
        configure(&configuration)
        let client = FederationClient(
            directory: directory,
            configuration: configuration,
            membership: try Membership(of: directory, configuration: configuration),
            trainers: FixedTrainer(trainer: trainer),
            backoff: ReconnectBackoff(first: .milliseconds(1), longest: .milliseconds(20)),
            logger: .silent,
            observe: observe
        )
        let group = ServiceGroup(
            services: [client],
            logger: .silent
        )
        let run = Task { try await group.run() }
        do {
            let result = try await body(Running(group: group, run: run))
            run.cancel()
            _ = try? await run.value
            return result
        } catch {
            run.cancel()
            _ = try? await run.value
            throw error
        }
    }

    struct Running: Sendable {
        let group: ServiceGroup
        let run: Task<Void, any Error>
    }

    /// An order whose payload is `bytes`.
    private func order(
        for bytes: [UInt8],
        round: UInt32 = 1,
        kind: Tributary_V1_OrderID.Kind = .train,
        rank: UInt32 = 4
    ) -> Tributary_V1_Order {
        var order = Tributary_V1_Order()
        order.id.job = Sample.job.rawValue
        order.id.round = round
        order.id.kind = kind
        order.adapter.sha256 = PayloadDigest(hashing: bytes).message
        order.adapter.byteCount = UInt64(bytes.count)
        order.adapter.rank = rank
        order.adapter.alpha = 16
        order.assignment.jobName = "sample"
        order.assignment.model = "tiny"
        order.assignment.modelSha256 = PayloadDigest(hashing: [0]).message
        order.assignment.task = .sequenceClassification
        order.assignment.labels = ["no", "yes"]
        order.assignment.rank = 16
        order.assignment.alpha = 16
        order.assignment.targetModules = ["query"]
        order.assignment.training.epochs = 1
        order.assignment.training.batchSize = 4
        order.assignment.training.maxLength = 16
        order.assignment.training.optimizer = .sgd
        order.assignment.training.learningRate = 0.1
        order.assignment.evaluation.every = 1
        return order
    }

    private func verdict(_ id: Tributary_V1_OrderID, accepted: Bool = true) -> Tributary_V1_Control.OneOf_Message {
        var verdict = Tributary_V1_UpdateVerdict()
        verdict.id = id
        verdict.accepted = accepted
        verdict.reason = accepted ? "" : "It does not fit."
        return .updateVerdict(verdict)
    }

    // MARK: - Expectations of the conversation

    private func reply(_ peer: ScriptedPeer) async throws -> Tributary_V1_OrderReply {
        while let event = try await peer.next() {
            if case .orderReply(let reply) = event { return reply }
        }
        throw Gone(waitingFor: "OrderReply")
    }

    private func fetch(_ peer: ScriptedPeer) async throws -> UInt64 {
        while let event = try await peer.next() {
            if case .fetch(_, let offset) = event { return offset }
        }
        throw Gone(waitingFor: "Fetch")
    }

    private func offer(_ peer: ScriptedPeer) async throws -> Tributary_V1_UpdateOffer {
        while let event = try await peer.next() {
            if case .updateOffer(let offer, _) = event { return offer }
            if case .orderReply(let reply) = event, !reply.accepted { throw Refused(reason: reply.reason) }
        }
        throw Gone(waitingFor: "UpdateOffer")
    }

    private struct Gone: Error { let waitingFor: String }
    private struct Refused: Error { let reason: String }

    // MARK: - The straight way

    @Test("trains, evaluates, and says nothing of where it runs or what its files are called")
    func works() async throws {
        let adapter = LoRAAdapter.counting()
        let payload = AdapterPayload.bytes(of: adapter)
        try await withTemporaryDirectory { folder in
            try await ScriptedServer.withServer { server in
                let directory = try server.join(folder.appendingPathComponent("canary-silo"))
                let data = folder.appendingPathComponent("canary-patients.jsonl")
                let trainer = ScriptedTrainer { adapter, _, progress in
                    progress(TrainingProgress(step: 1, stepCount: 2, loss: 0.75))
                    let metrics = ["loss": 0.5, data.path: 1, "canary-host": 2]
                    return TrainingOutcome(adapter: adapter.doubled, exampleCount: 12, metrics: metrics)
                } onEvaluate: { _, _ in
                    throw ClientError.cannotRead(path: data.path, reason: "canary-reason")
                }
                try await withClient(in: directory, trainer: trainer) { configuration in
                    configuration.data = data
                    configuration.models = ["canary-model": folder]
                    configuration.maximumRank = 8
                    configuration.tags = ["site": "berlin"]
                } _: { _ in
                    let peer = try #require(await server.peers.first { _ in true })
                    try await peer.letIn()
                    try await peer.say(.order(order(for: payload)))
                    #expect(try await reply(peer).accepted)
                    #expect(try await fetch(peer) == 0)
                    try await peer.send(payload)
                    let offer = try await offer(peer)
                    #expect(offer.exampleCount == 12)
                    #expect(offer.metrics == ["loss": 0.5])
                    #expect(offer.adapter.rank == 4)
                    let update = try await peer.upload(offer)
                    let trained = try AdapterPayload.adapter(from: update, rank: 4, alpha: 16, source: "update")
                    #expect(trained == adapter.doubled)
                    try await peer.say(verdict(offer.id))

                    // The payload is still here; the evaluation fails and its error names the data file.
                    try await peer.say(.order(order(for: payload, kind: .evaluate)))
                    #expect(try await reply(peer).accepted)
                    let failure = try await reply(peer)
                    #expect(!failure.accepted)
                    #expect(failure.reason == Disclosure.withheld)

                    let sent = String(decoding: peer.received, as: UTF8.self)
                    let secrets = [
                        "canary", folder.lastPathComponent, ProcessInfo.processInfo.hostName, NSUserName(),
                        FileManager.default.currentDirectoryPath,
                    ]
                    for secret in secrets where secret.count > 2 {
                        #expect(!sent.contains(secret), "'\(secret)' left the silo")
                    }
                    #expect(sent.contains("berlin"), "tags are meant to be sent")
                }
                #expect(try await Outbox(directory: directory.outbox).load().isEmpty)
            }
        }
    }

    // MARK: - Breaks

    @Test("a fetch that broke off goes on where it stopped, on the next connection")
    func resumesFetch() async throws {
        let payload = AdapterPayload.bytes(of: .counting(width: 20_000))
        try await withTemporaryDirectory { folder in
            try await ScriptedServer.withServer { server in
                let directory = try server.join(folder)
                try await withClient(in: directory) { _ in
                    let half = 32 << 10
                    let first = try await server.nextPeer()
                    try await first.say(.order(order(for: payload)))
                    #expect(try await fetch(first) == 0)
                    try await first.send(payload, to: half)
                    await first.close()

                    let second = try await server.nextPeer()
                    let offset = Int(try await fetch(second))
                    #expect(offset <= half, "no byte is claimed that never came")
                    try await second.say(.order(order(for: payload)))
                    try await second.send(payload, from: offset)
                    let offer = try await offer(second)
                    #expect(try await second.upload(offer).count == Int(offer.adapter.byteCount))
                }
            }
        }
    }

    @Test("an order that is withdrawn and comes again asks for its payload once the rest of the first answer is here")
    func fetchesAgain() async throws {
        let payload = AdapterPayload.bytes(of: .counting(width: 20_000))
        let half = 32 << 10
        try await withTemporaryDirectory { folder in
            try await ScriptedServer.withServer { server in
                let directory = try server.join(folder)
                try await withClient(in: directory) { _ in
                    let peer = try await server.nextPeer()
                    try await peer.say(.order(order(for: payload)))
                    #expect(try await fetch(peer) == 0)
                    try await peer.send(payload, to: half)
                    var withdrawal = Tributary_V1_OrderWithdrawal()
                    withdrawal.id = order(for: payload).id
                    try await peer.say(.orderWithdrawal(withdrawal))
                    try await peer.say(.order(order(for: payload)))
                    #expect(try await reply(peer).accepted)
                    // The peer would call it a violation to be asked for what it is sending.
                    try await peer.send(payload, from: half)
                    #expect(try await fetch(peer) == 0)
                    try await peer.send(payload)
                    #expect(try await offer(peer).adapter.rank == 4)
                }
            }
        }
    }

    @Test("a payload whose bytes are not those of its digest is refused, and the order with it")
    func refusesWrongPayload() async throws {
        let payload = AdapterPayload.bytes(of: .counting())
        var wrong = payload
        wrong[wrong.count - 1] ^= 1
        try await withTemporaryDirectory { folder in
            try await ScriptedServer.withServer { [wrong] server in
                let directory = try server.join(folder)
                try await withClient(in: directory) { _ in
                    let peer = try await server.nextPeer()
                    try await peer.say(.order(order(for: payload)))
                    #expect(try await reply(peer).accepted)
                    _ = try await fetch(peer)
                    try await peer.send(wrong, as: payload)
                    let refusal = try await reply(peer)
                    #expect(!refusal.accepted)
                    #expect(refusal.reason == "The payload did not fit the order.")
                }
                #expect(try PayloadStore(directory: directory.payloads).digests().isEmpty)
            }
        }
    }

    @Test("an update is offered again after a break and after a restart, and trained once")
    func offersAgain() async throws {
        let payload = AdapterPayload.bytes(of: .counting(width: 20_000))
        let trainings = Atomic(0)
        try await withTemporaryDirectory { folder in
            try await ScriptedServer.withServer { server in
                let directory = try server.join(folder)
                let trainer = ScriptedTrainer { adapter, _, _ in
                    trainings.add(1, ordering: .relaxed)
                    return TrainingOutcome(adapter: adapter.doubled, exampleCount: 1, metrics: [:])
                }
                let first = try await withClient(in: directory, trainer: trainer) { _ in
                    let peer = try await server.nextPeer()
                    try await peer.say(.order(order(for: payload)))
                    _ = try await fetch(peer)
                    try await peer.send(payload)
                    let first = try await offer(peer)
                    await peer.close()
                    let next = try await server.nextPeer()
                    #expect(try await offer(next) == first)
                    return first
                }
                // Another process, as after `kill -9`: the order comes again, and is answered from the outbox.
                try await withClient(in: directory, trainer: trainer) { _ in
                    let peer = try await server.nextPeer()
                    let again = try await offer(peer)
                    #expect(again == first)
                    try await peer.say(.order(order(for: payload)))
                    #expect(try await reply(peer).accepted)
                    // The server has the first half already.
                    let start = again.adapter.byteCount / 2
                    let rest = try await peer.upload(again, from: start)
                    #expect(UInt64(rest.count) == again.adapter.byteCount - start)
                    try await peer.say(verdict(again.id, accepted: false))
                    try await peer.say(.order(order(for: payload, kind: .evaluate)))
                    #expect(try await reply(peer).id.kind == .evaluate)
                }
                #expect(trainings.load(ordering: .relaxed) == 1)
                #expect(try await Outbox(directory: directory.outbox).load().isEmpty)
            }
        }
    }

    // MARK: - Work

    @Test("an order that comes again while it is worked is not started twice, and a withdrawal ends the training")
    func withdraws() async throws {
        let payload = AdapterPayload.bytes(of: .counting())
        try await withTemporaryDirectory { folder in
            try await ScriptedServer.withServer { server in
                let directory = try server.join(folder)
                let (events, eventsContinuation) = AsyncStream.makeStream(of: String.self)
                let trainer = ScriptedTrainer { adapter, _, _ in
                    eventsContinuation.yield("began")
                    await untilCancelled()
                    eventsContinuation.yield("cancelled")
                    throw CancellationError()
                }
                try await withClient(in: directory, trainer: trainer) { _ in
                    let first = try await server.nextPeer()
                    try await first.say(.order(order(for: payload)))
                    _ = try await fetch(first)
                    try await first.send(payload)
                    #expect(await events.first { _ in true } == "began")
                    await first.close()

                    let peer = try await server.nextPeer()
                    try await peer.say(.order(order(for: payload)))
                    #expect(try await reply(peer).accepted)
                    var withdrawal = Tributary_V1_OrderWithdrawal()
                    withdrawal.id = order(for: payload).id
                    try await peer.say(.orderWithdrawal(withdrawal))
                    #expect(await events.first { _ in true } == "cancelled")

                    // The next order is worked at once.
                    try await peer.say(.order(order(for: payload, round: 2)))
                    #expect(await events.first { _ in true } == "began")
                }
            }
        }
    }

    @Test("heartbeats go on while a step of the training takes long")
    func heartbeats() async throws {
        let payload = AdapterPayload.bytes(of: .counting())
        try await withTemporaryDirectory { folder in
            try await ScriptedServer.withServer { server in
                let directory = try server.join(folder)
                let (release, releaseContinuation) = AsyncStream.makeStream(of: Void.self)
                let trainer = ScriptedTrainer { adapter, _, _ in
                    _ = await release.first { _ in true }
                    return TrainingOutcome(adapter: adapter, exampleCount: 1, metrics: [:])
                }
                try await withClient(in: directory, trainer: trainer) { _ in
                    let peer = try await server.nextPeer(heartbeat: 1)
                    try await peer.say(.order(order(for: payload)))
                    _ = try await fetch(peer)
                    try await peer.send(payload)
                    for _ in 0..<2 {
                        guard case .ping = try await peer.next(includingPings: true) else {
                            Issue.record("the client was silent")
                            break
                        }
                    }
                    releaseContinuation.yield()
                    _ = try await offer(peer)
                }
            }
        }
    }

    @Test("an order above the silo's rank is refused with a reason")
    func refusesRank() async throws {
        let payload = AdapterPayload.bytes(of: .counting(rank: 16))
        try await withTemporaryDirectory { folder in
            try await ScriptedServer.withServer { server in
                let directory = try server.join(folder)
                try await withClient(in: directory, configure: { $0.maximumRank = 8 }) { _ in
                    let peer = try await server.nextPeer()
                    try await peer.say(.order(order(for: payload, rank: 16)))
                    let reply = try await reply(peer)
                    #expect(!reply.accepted)
                    #expect(reply.reason == "The order has rank 16; this silo trains at most 8.")
                }
            }
        }
    }

    // MARK: - The end

    @Test("a graceful stop says goodbye, ends the training and returns; a kill says nothing")
    func stops() async throws {
        let payload = AdapterPayload.bytes(of: .counting())
        try await withTemporaryDirectory { folder in
            try await ScriptedServer.withServer { server in
                let directory = try server.join(folder)
                let (began, beganContinuation) = AsyncStream.makeStream(of: Void.self)
                let trainer = ScriptedTrainer { _, _, _ in
                    beganContinuation.yield()
                    await untilCancelled()
                    throw CancellationError()
                }
                for isGraceful in [true, false] {
                    try await withClient(in: directory, trainer: trainer) { client in
                        let peer = try await server.nextPeer()
                        try await peer.say(.order(order(for: payload)))
                        if isGraceful {
                            _ = try await fetch(peer)
                            try await peer.send(payload)
                        }
                        _ = await began.first { _ in true }
                        if isGraceful {
                            await client.group.triggerGracefulShutdown()
                            try await client.run.value
                        } else {
                            client.run.cancel()
                            _ = try? await client.run.value
                        }
                        var lastWord: Tributary_V1_Goodbye?
                        while let event = try await peer.next() {
                            if case .goodbye(let goodbye) = event { lastWord = goodbye }
                        }
                        #expect(lastWord?.code == (isGraceful ? .shuttingDown : nil))
                        #expect(!DirectoryLock.isHeld(of: directory))
                    }
                }
            }
        }
    }

    @Test(
        "a server's final word ends the daemon with its reason",
        arguments: [Tributary_V1_Goodbye.Code.revoked, .replaced]
    )
    func obeysFinalWords(code: Tributary_V1_Goodbye.Code) async throws {
        try await withTemporaryDirectory { folder in
            try await ScriptedServer.withServer { server in
                let directory = try server.join(folder)
                try await withClient(in: directory) { client in
                    let peer = try await server.nextPeer()
                    var goodbye = Tributary_V1_Goodbye()
                    goodbye.code = code
                    goodbye.reason = "r"
                    try await peer.say(.goodbye(goodbye))
                    let expected: Refusal = code == .revoked ? .revoked(reason: "r") : .replaced(reason: "r")
                    await #expect(throws: expected) { try await client.run.value }
                }
            }
        }
    }

    @Test("a server that breaks the protocol is told so, and tried again")
    func answersViolations() async throws {
        try await withTemporaryDirectory { folder in
            try await ScriptedServer.withServer { server in
                let directory = try server.join(folder)
                try await withClient(in: directory) { _ in
                    let first = try await server.nextPeer()
                    try await first.say(verdict(order(for: [1]).id))
                    guard case .goodbye(let goodbye) = try await first.next() else {
                        Issue.record("no goodbye came")
                        return
                    }
                    #expect(goodbye.code == .protocolError)
                    _ = try await server.nextPeer()
                }
            }
        }
    }

    @Test("a second daemon on a directory refuses to start")
    func locks() async throws {
        try await withTemporaryDirectory { folder in
            try await ScriptedServer.withServer { server in
                let directory = try server.join(folder)
                try await withClient(in: directory) { _ in
                    _ = try await server.nextPeer()
                    try await withClient(in: directory) { second in
                        await #expect(throws: ClientError.directoryInUse(path: directory.url.path)) {
                            try await second.run.value
                        }
                    }
                }
            }
        }
    }
}

/// Waits for nothing but the task's cancellation.
private func untilCancelled() async {
    let (stream, _) = AsyncStream.makeStream(of: Never.self)
    for await _ in stream {}
}
