import Adapters
import Aggregation
import FederatedLearning
import LinearAlgebra
import Synchronization
import TestSupport
import Testing

/// Whole runs of asynchronous jobs over clients in memory.
@Suite(.timeLimit(.minutes(2)))
struct AsynchronousRunTests {
    private typealias Asynchronous = JobConfiguration.Asynchronous

    private func client(_ name: ClientID, adding element: Int, maximumRank: Int = 64) -> ClientWork {
        ClientWork(
            client: name,
            maximumRank: maximumRank,
            modelDigest: .sampleModel,
            trainer: ConstantTrainer(element: element, factorDelta: 0.125)
        )
    }

    /// Does its evaluations, says nothing to the first training order, and does those that follow.
    private func silentAtFirst() -> @Sendable (WorkOrder.ID) -> ScriptedCohortBackend.Behaviour {
        let wasAsked = CallFlag()
        return { $0.kind == .train && wasAsked.raise() ? .isSilent : .works }
    }

    // MARK: - Undisturbed runs

    @Test(
        "reaches its steps with every strategy that adds up changes",
        arguments: ["fedavg", "ffa-lora", "rbla", "fed-sb", "flexlora", "fedsvd", "raflora"]
    )
    func everyStrategy(_ name: String) async throws {
        var federation = TestFederation(.asynchronous(.init(buffer: 2), strategy: name, rounds: 5, size: 3))
        federation.strategy = try federation.job.aggregationPlan().strategy
        await federation.addClients(ranks: [4, 4, 4], factorDelta: 0.125)
        let state = try await federation.run().run()
        #expect(state.phase == .finished)
        #expect(state.committedRounds == 5)
        let global = try await federation.store.adapter(try #require(state.global))
        for module in global.modules.values { #expect(module.a.isFinite && module.b.isFinite) }
        try await federation.expectEveryUpdateCountedOnce()
    }

    @Test("hands each client the version that is current when it is handed, cut to its rank")
    func handsOut() async throws {
        var federation = TestFederation(.asynchronous(.init(buffer: 2), strategy: "flexlora", rounds: 3, size: 2))
        federation.strategy = FlexLoRA(mode: .delta)
        await federation.addClients(ranks: [2, 64], factorDelta: 0.125)
        _ = try await federation.run().run()
        var state = RunState()
        var numbers: [Int] = []
        for change in await federation.store.changes {
            if case .assigned(let task, let client) = change {
                numbers.append(task.number)
                #expect(task.version == state.committedRounds)
                #expect(task.adapter.rank == ["silo-0": 2, "silo-1": 4][client])
            }
            state.apply(change)
        }
        #expect(numbers == Array(1...numbers.count))
        let orders = await federation.backend.orders.filter { $0.order.id.kind == .train }
        #expect(orders.map(\.order.id.round) == numbers)
        #expect(state.phase == .finished)
    }

    @Test("runs the learning rate's schedule over its versions, however many trainings they take")
    func schedule() async throws {
        let federation = TestFederation(.asynchronous(.init(buffer: 4), rounds: 5, size: 3))
        await federation.addClients(ranks: [8, 8, 8])
        _ = try await federation.run().run()
        var versions: [Int: Int] = [:]
        for change in await federation.store.changes {
            if case .assigned(let task, _) = change { versions[task.number] = task.version }
        }
        for order in await federation.backend.orders.map(\.order) where order.id.kind == .train {
            let version = try #require(versions[order.id.round])
            let progress = Double(order.id.round - 1) / Double(order.assignment.rounds)
            if version == 0 {
                // Three work at once where four make a step, and fast ones are given more before it.
                #expect(order.assignment.rounds == 5 * max(4, order.id.round))
            } else {
                #expect(abs(progress - Double(version) / 5) < 0.05, "training \(order.id.round)")
            }
        }
        #expect(versions.values.max() == 4)
    }

    @Test("lets no more clients work at a time than the job says, and each in its turn")
    func concurrency() async throws {
        var federation = TestFederation(.asynchronous(.init(buffer: 2), rounds: 6, size: 2))
        federation.job.cohort.minimum = 1
        await federation.addClients(ranks: [8, 8, 8, 8])
        _ = try await federation.run().run()
        var state = RunState()
        for change in await federation.store.changes {
            state.apply(change)
            let progress = state.asynchronous
            #expect(progress.tasks.keys.count { progress.openTask(of: $0) != nil } <= 2)
        }
        #expect(state.asynchronous.tasks.keys.sorted() == (0..<4).map(TestFederation.name))
        try await federation.expectEveryUpdateCountedOnce()
    }

    @Test("gives no work to a client that trains below the rank that its strategy needs")
    func cannotTakePart() async throws {
        let federation = TestFederation(.asynchronous(.init(buffer: 2), rounds: 3, size: 1))
        await federation.addClients(ranks: [2, 8])
        #expect(try await federation.run().run().phase == .finished)
        let workers = Set(federation.log.events.compactMap(\.assignedClient))
        #expect(workers == ["silo-1"])
        #expect(try await federation.bias().prefix(2) == [0, 3])
    }

    @Test("ends with the same bits when updates arrive in the same order, and for any order within a step")
    func sameBits() async throws {
        func final(_ order: [ClientID]) async throws -> ContentDigest {
            var federation = TestFederation(.asynchronous(.init(buffer: 3), strategy: "flexlora", rounds: 1, size: 3))
            federation.strategy = FlexLoRA(mode: .delta)
            for (index, rank) in [2, 3, 4].enumerated() {
                let work = TestFederation.work(index, maximumRank: rank, factorDelta: 0.3)
                await federation.backend.add(work, silentAtFirst())
            }
            let run = federation.run()
            async let state = run.run()
            await federation.log.wait { $0.contains { $0.assignedNumber == 3 } }
            for client in order { await federation.backend.connect(client) }
            return try #require(try await state.global).digest
        }
        let clients = (0..<3).map(TestFederation.name)
        let expected = try await final(clients)
        #expect(try await final(clients) == expected)
        #expect(try await final(clients.reversed()) == expected)
        #expect(try await final([clients[1], clients[0], clients[2]]) == expected)
    }

    @Test("evaluates the first and the last adapter, and versions in between while clients train on")
    func evaluations() async throws {
        let federation = TestFederation(
            .asynchronous(.init(buffer: 2), rounds: 6, size: 2, evaluation: .init(every: 2, sample: 7))
        )
        await federation.addClients(ranks: [8, 8])
        let state = try await federation.run().run()
        #expect(state.evaluatedRound == 6)
        for version in [0, 2, 4, 6] {
            let accuracy = await federation.store.figure("accuracy", "evaluate", round: version)
            #expect(accuracy == Double(version) / 10, "version \(version)")
        }
        #expect(await federation.store.figure("accuracy", "evaluate", round: 3) == nil)
        #expect(await federation.backend.confirmations.count == 8)
    }

    @Test("stores the figures of a step, with the bytes of a client that is in it twice added up")
    func figures() async throws {
        let federation = TestFederation(.asynchronous(.init(buffer: 2), rounds: 2, size: 1))
        await federation.addClients(ranks: [8])
        let state = try await federation.run().run()
        let bytes = Double(try #require(state.global).byteCount)
        let store = federation.store
        #expect(await store.figure("updates", "round", round: 2) == 2)
        #expect(await store.figure("clients", "round", round: 2) == 1)
        #expect(await store.figure("staleness", "round", round: 2) == 0)
        #expect(await store.figure("bytes_up", "train", round: 2, client: "silo-0") == 2 * bytes)
        #expect(await store.figure("examples", "train", round: 2, client: "silo-0") == 1)
        // The version is fetched once, however often it is trained from.
        #expect(await store.figure("bytes_down", "train", round: 2, client: "silo-0") == bytes)
    }

    // MARK: - Staleness

    /// A run in which a slow client answers its task of version 0 when version 3 is current.
    ///
    /// A fast one has an update of version 3 in the buffer then. Both add 1 to the same element.
    private func withSlowClient(_ asynchronous: Asynchronous) async throws -> TestFederation {
        let federation = TestFederation(.asynchronous(asynchronous, rounds: 4, size: 2))
        await federation.backend.add(client("slow", adding: 0), silentAtFirst())
        // Task 1 or 2 is its first; with the one of version 3 it has done seven.
        let done = CallCounter()
        await federation.backend.add(client("fast", adding: 0)) { order in
            order.kind == .train && done.next() == 8 ? .isSilent : .works
        }
        let run = federation.run()
        async let state = run.run()
        await federation.log.wait { $0.count { $0.assignedClient == "fast" } == 8 }
        await federation.backend.connect("slow")
        if asynchronous.maximumStaleness < 3 {
            // Turned away, it works from version 3, and completes the step.
            await federation.log.wait { $0.count { $0.assignedClient == "slow" } == 2 }
        }
        #expect(try await state.phase == .finished)
        return federation
    }

    @Test("weighs an update by its age", arguments: BufferedAggregation.Normalization.allCases)
    func staleness(_ normalization: BufferedAggregation.Normalization) async throws {
        // algorithms.md, 7.2: changes of 1 with τ = 0 and τ = 3 in a buffer of two.
        let federation = try await withSlowClient(.init(buffer: 2, normalization: normalization))
        let last: Float = normalization == .count ? 0.75 : 1
        #expect(try await federation.bias()[0] == 3 + last)
        #expect(await federation.store.figure("staleness", "train", round: 4, client: "slow") == 3)
        #expect(await federation.store.figure("staleness", "round", round: 4) == 1.5)
    }

    @Test("turns away what is too old, says so, and has its client start from the current version")
    func tooStale() async throws {
        let federation = try await withSlowClient(.init(buffer: 2, maximumStaleness: 2))
        #expect(try await federation.bias()[0] == 4)
        let verdicts = await federation.backend.verdicts.filter { $0.offer.client == "slow" }
        #expect(
            verdicts.map(\.verdict) == [
                .rejected(reason: UpdateRejection.tooStale(staleness: 3, limit: 2).description), .accepted,
            ]
        )
        let tasks = await federation.store.changes.compactMap { change -> AsynchronousTask? in
            if case .assigned(let task, "slow") = change { task } else { nil }
        }
        #expect(tasks.map(\.version) == [0, 3])
    }

    @Test("takes an update of any age that is not too old, against what its client was handed")
    func oldBasis() async throws {
        // Two steps re-base the factors; the slow client's change is one of products, and its A is that of version 0.
        var federation = TestFederation(.asynchronous(.init(buffer: 1), strategy: "flexlora", rounds: 3, size: 2))
        federation.strategy = FlexLoRA(mode: .delta)
        await federation.backend.add(client("slow", adding: 0), silentAtFirst())
        let done = CallCounter()
        await federation.backend.add(client("fast", adding: 1)) { order in
            order.kind == .train && done.next() == 3 ? .isSilent : .works
        }
        let run = federation.run()
        async let state = run.run()
        await federation.log.wait { $0.count { $0.assignedClient == "fast" } == 3 }
        await federation.backend.connect("slow")
        #expect(try await state.phase == .finished)
        let bias = try await federation.bias()
        #expect(bias[1] == 2)
        // One update of τ = 2, alone in its buffer.
        #expect(abs(bias[0] - Float(1 / 3.0.squareRoot())) < 1e-6)
    }

    // MARK: - What goes wrong

    @Test("gives up a client that does not answer before the deadline, and asks it again")
    func deadline() async throws {
        let federation = TestFederation(.asynchronous(.init(buffer: 1), rounds: 1, size: 1))
        await federation.backend.add(client("slow", adding: 0), silentAtFirst())
        let run = federation.run()
        async let state = run.run()
        await federation.log.wait { $0.contains { $0.assignedNumber == 1 } }
        await federation.backend.waitForOrders(2)
        federation.clock.advance(by: federation.job.cohort.deadline)
        #expect(try await state.phase == .finished)
        let withdrawn = await federation.backend.withdrawals.map(\.order.round)
        #expect(withdrawn == [1])
        #expect(await federation.backend.verdicts.map(\.offer.order.round) == [2])
    }

    @Test("rejects rubbish with the reason and goes on without its sender")
    func rubbish() async throws {
        let federation = TestFederation(.asynchronous(.init(buffer: 2), rounds: 3, size: 2))
        await federation.addClients(ranks: [8])
        await federation.backend.add(client("liar", adding: 1)) { _ in
            .offers { update in
                let rubbish = [UInt8](repeating: 7, count: update.payload.count)
                let honest = update.offer.adapter
                return FinishedUpdate(
                    offer: UpdateOffer(
                        client: "liar",
                        order: update.offer.order,
                        adapter: AdapterReference(
                            digest: ContentDigest(hashing: rubbish),
                            byteCount: rubbish.count,
                            rank: honest.rank,
                            alpha: honest.alpha
                        ),
                        exampleCount: 1,
                        metrics: [:]
                    ),
                    payload: rubbish
                )
            }
        }
        let state = try await federation.run().run()
        #expect(state.phase == .finished)
        #expect(try await federation.bias()[1] == 0)
        let verdicts = await federation.backend.verdicts.filter { $0.offer.client == "liar" }
        #expect(verdicts.count == 1)
        guard case .rejected = verdicts.first?.verdict else {
            Issue.record("rubbish was accepted")
            return
        }
    }

    @Test("fails with the reason when nothing comes in any more")
    func nothingComes() async throws {
        let federation = TestFederation(.asynchronous(.init(buffer: 1), rounds: 1, size: 1))
        await federation.backend.add(client("mute", adding: 0)) { $0.kind == .train ? .isSilent : .works }
        let run = federation.run()
        async let state = run.run()
        await federation.log.wait { $0.contains { $0.assignedNumber == 1 } }
        federation.clock.advance(by: federation.limits.waiting)
        guard case .failed(let reason) = try await state.phase else {
            Issue.record("the job goes on")
            return
        }
        #expect(reason.hasPrefix("Step 1 had 0 of 1 updates, and none came in for 1h."))
    }

    @Test("throws a buffer away whose adapter every client would refuse")
    func refusedByAll() async throws {
        let federation = TestFederation(.asynchronous(.init(buffer: 2, learningRate: 1e8), rounds: 1, size: 2))
        await federation.addClients(ranks: [8, 8])
        let state = try await federation.run().run()
        guard case .failed(let reason) = state.phase else {
            Issue.record("the job did not fail: \(state.phase)")
            return
        }
        #expect(reason.contains("'classifier.bias' in 'the next global adapter' holds"))
        #expect(state.committedRounds == 0)
    }

    @Test("withdraws all work when it is cancelled")
    func cancel() async throws {
        let federation = TestFederation(.asynchronous(.init(buffer: 1), rounds: 1, size: 1))
        await federation.backend.add(client("mute", adding: 0)) { $0.kind == .train ? .isSilent : .works }
        let run = federation.run()
        async let state = run.run()
        await federation.log.wait { $0.contains { $0.assignedNumber == 1 } }
        run.cancel()
        #expect(try await state.phase == .cancelled)
        #expect(await federation.backend.withdrawals.map(\.order.round) == [1])
    }

    @Test("takes a step without an update that was damaged after it was accepted, and says so")
    func damaged() async throws {
        let federation = try await stoppedBeforeStep(damaging: 1)
        #expect(try await federation.run().run().phase == .finished)
        // The only one in its step.
        let bias = try await federation.bias()
        #expect(bias[0] == 1 && bias[1] == 0)
        let excluded = federation.log.events.compactMap { event -> ClientID? in
            if case .excluded(1, let client, _) = event { client } else { nil }
        }
        #expect(excluded == ["silo-1"])
    }

    @Test("throws a buffer away of which nothing is left, and collects another")
    func allDamaged() async throws {
        let federation = try await stoppedBeforeStep(damaging: 2)
        #expect(try await federation.run().run().phase == .finished)
        // Two updates of 1, halved, whoever sent them; what was damaged brought nothing.
        #expect(try await federation.bias().reduce(0, +) == 1)
        let abandoned = await federation.store.changes.count { change in
            if case .abandoned = change { true } else { false }
        }
        #expect(abandoned == 1)
    }

    /// A run that died with two updates in its buffer, the last `count` of which are damaged.
    private func stoppedBeforeStep(damaging count: Int) async throws -> TestFederation {
        let federation = TestFederation(.asynchronous(.init(buffer: 2), rounds: 1, size: 2))
        await federation.addClients(ranks: [8, 8])
        // Beginning takes two writes, the evaluation two, handing out four with the one after the first of two updates.
        let dying = InterruptedRunStore(federation.store, failingAt: 11, .before)
        await #expect(throws: InterruptedRunStore.Interruption.self) { try await federation.run(on: dying).run() }
        let buffered = await federation.store.state(of: .sample).asynchronous.buffer
        try #require(buffered.map(\.offer.client) == ["silo-0", "silo-1"])
        for update in buffered.suffix(count) { await federation.store.flipBit(4000, of: update.offer.adapter.digest) }
        return federation
    }
}

extension RunEvent {
    fileprivate var assignedNumber: Int? {
        if case .assigned(let task, _) = self { task.number } else { nil }
    }

    fileprivate var assignedClient: ClientID? {
        if case .assigned(_, let client) = self { client } else { nil }
    }
}

/// Counts calls of a closure that clients share.
private final class CallCounter: Sendable {
    private let count = Mutex(0)

    /// The number of this call, from 1.
    func next() -> Int {
        count.withLock { count in
            count += 1
            return count
        }
    }
}

/// Tells the first call from all others.
private final class CallFlag: Sendable {
    private let calls = CallCounter()

    func raise() -> Bool { calls.next() == 1 }
}
