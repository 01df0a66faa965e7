import Adapters
import Aggregation
import FederatedLearning
import LinearAlgebra
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2)))
struct FederatedRunTests {
    // MARK: - Undisturbed runs

    @Test("counts every client's update exactly once a round, by its examples")
    func fedAvg() async throws {
        let federation = TestFederation(.sample(rounds: 3, size: 4))
        await federation.addClients(ranks: [8, 8, 8, 8])
        let state = try await federation.run().run()
        #expect(state.phase == .finished)
        #expect(state.committedRounds == 3)
        // Each round adds nᵢ/Σn to element i: 0.1, 0.2, 0.3 and 0.4, summed in float32.
        let bias = try await federation.bias()
        for (index, expected) in [0.3, 0.6, 0.9, 1.2, 0, 0, 0, 0].enumerated() {
            #expect(abs(Double(bias[index]) - expected) < 1e-6)
        }
    }

    @Test(
        "hands each client the smaller of the job's rank and its own, one payload a rank",
        arguments: AggregationMode.allCases
    )
    func flexLoRA(mode: AggregationMode) async throws {
        var federation = TestFederation(
            .sample(strategy: .init(name: "flexlora"), rank: 8, rounds: 3, size: 4)
        )
        federation.strategy = FlexLoRA(mode: mode)
        await federation.addClients(ranks: [2, 4, 4, 64], factorDelta: 0.125)
        let state = try await federation.run().run()
        #expect(state.phase == .finished)
        let trained = await federation.backend.orders.filter { $0.order.id.kind == .train }
        #expect(trained.count == 12)
        for (client, order) in trained {
            #expect(order.adapter.rank == ["silo-0": 2, "silo-1": 4, "silo-2": 4, "silo-3": 8][client])
            #expect(order.adapter.alpha == 8)
        }
        for round in 1...3 {
            let payloads = Set(trained.filter { $0.order.id.round == round }.map(\.order.adapter))
            #expect(payloads.count == 3)
        }
        let global = try await federation.store.adapter(try #require(state.global))
        #expect(global.modules.values.allSatisfy { $0.rank == 8 })
        let bias = try await federation.bias()
        for (index, expected) in [0.3, 0.6, 0.9, 1.2].enumerated() {
            #expect(abs(Double(bias[index]) - expected) < 1e-6)
        }
    }

    @Test("tells its observer what happens, in order")
    func events() async throws {
        let federation = TestFederation(.sample(rounds: 1, size: 1, minimum: 1))
        await federation.addClients(ranks: [8])
        let state = try await federation.run().run()
        let global = try #require(state.global)
        let initial = await federation.store.keep(.sample())
        let offer = try #require(await federation.backend.verdicts.first?.offer)
        let train = WorkOrder.ID(job: .sample, round: 1, kind: .train)
        func report(_ round: Int) -> EvaluationReport {
            EvaluationReport(exampleCount: 100, metrics: ["accuracy": Double(round) / 10])
        }
        func evaluated(_ round: Int) -> [RunEvent] {
            [
                .reported(.init(job: .sample, round: round, kind: .evaluate), "silo-0", report(round)),
                .evaluated(round: round, reports: ["silo-0": report(round)], overall: report(round)),
            ]
        }
        let progressed = RunEvent.progressed(train, "silo-0", TrainingProgress(step: 1, stepCount: 1, loss: 1))
        // Progress goes past the line and may be told at any time; all else has one order.
        #expect(federation.log.events.contains(progressed))
        #expect(
            federation.log.events.filter { $0 != progressed }
                == [.began(initial: initial)] + evaluated(0) + [
                    .opened(round: 1, cohort: [CohortMember(client: "silo-0", adapter: initial)]),
                    .accepted(round: 1, offer),
                    .committed(round: 1, global: global, clients: ["silo-0"], seconds: 0),
                ] + evaluated(1) + [.ended(.finished)]
        )
    }

    @Test("gives the same bits whatever order updates come in", arguments: 0..<12)
    func shuffled(seed: UInt64) async throws {
        let quiet = try await finalDigest(batch: 1, seed: 0)
        #expect(try await finalDigest(batch: 5, seed: seed) == quiet)
    }

    private func finalDigest(batch: Int, seed: UInt64) async throws -> ContentDigest {
        var federation = TestFederation(.sample(rank: 8, rounds: 2, size: 5), batch: batch, seed: seed)
        federation.strategy = FlexLoRA(mode: .delta)
        await federation.addClients(ranks: [2, 3, 5, 7, 8], factorDelta: 0.3)
        return try #require(try await federation.run().run().global).digest
    }

    @Test("evaluates the first, the last and every n-th adapter; only the first and the last on everything")
    func evaluationSchedule() async throws {
        let federation = TestFederation(
            .sample(rounds: 5, size: 2, evaluation: .init(every: 2, sample: 7))
        )
        await federation.addClients(ranks: [8, 8])
        _ = try await federation.run().run()
        let evaluations = await federation.backend.orders.filter { $0.order.id.kind == .evaluate }
        #expect(Set(evaluations.map(\.order.id.round)) == [0, 2, 4, 5])
        for (_, order) in evaluations {
            let isEnd = order.id.round == 0 || order.id.round == 5
            #expect(order.assignment.evaluation.sample == (isEnd ? nil : 7))
        }
        let ends = await federation.backend.orders.map(\.order)
        #expect(ends.first?.id == .init(job: .sample, round: 0, kind: .evaluate))
        #expect(ends.last?.id == .init(job: .sample, round: 5, kind: .evaluate))
    }

    @Test("stores every figure of every client, and those of the whole, weighted by examples")
    func figures() async throws {
        let federation = TestFederation(.sample(rounds: 2, size: 2))
        await federation.addClients(ranks: [8, 8])
        let state = try await federation.run().run()
        let store = federation.store
        #expect(await store.figure("loss", "train", round: 2, client: "silo-1") == 0.5)
        #expect(await store.figure("examples", "train", round: 1, client: "silo-1") == 2)
        #expect(await store.figure("accuracy", "evaluate", round: 2, client: "silo-0") == 0.2)
        #expect(await store.figure("examples", "evaluate", round: 2) == 300)
        #expect(await store.figure("clients", "round", round: 1) == 2)
        #expect(await store.figure("seconds", "round", round: 1) == 0)
        let bytes = Double(try #require(state.global).byteCount)
        #expect(await store.figure("bytes_up", "train", round: 1, client: "silo-0") == bytes)
        #expect(await store.figure("bytes_up", "round", round: 1) == 2 * bytes)
        // The evaluation of the initial adapter brought it; the first round starts from the same payload.
        #expect(await store.figure("bytes_down", "evaluate", round: 0, client: "silo-0") == bytes)
        #expect(await store.figure("bytes_down", "train", round: 1, client: "silo-0") == 0)
        let confirmations = await federation.backend.confirmations
        #expect(confirmations.count == 6)
    }

    // MARK: - Rounds that go wrong

    @Test("commits at the deadline with the minimum, and withdraws what is still open")
    func deadline() async throws {
        let federation = TestFederation(.sample(rounds: 1, size: 3, minimum: 2))
        await federation.addClients(ranks: [8, 8])
        await federation.backend.add(TestFederation.work(2)) { $0.kind == .train ? .isSilent : .works }
        async let state = federation.run().run()
        await federation.log.wait { $0.filter { if case .accepted = $0 { true } else { false } }.count == 2 }
        federation.clock.advance(by: .seconds(599))
        #expect(await federation.store.state(of: .sample).committedRounds == 0)
        federation.clock.advance(by: .seconds(1))
        #expect(try await state.phase == .finished)
        let withdrawals = await federation.backend.withdrawals
        #expect(withdrawals.map(\.client) == ["silo-2"])
        #expect(await federation.store.figure("seconds", "round", round: 1) == 600)
        let bias = try await federation.bias()
        #expect(abs(bias[0] - 1 / 3) < 1e-6 && abs(bias[1] - 2 / 3) < 1e-6 && bias[2] == 0)
    }

    @Test("closes with the minimum once it knows how long updates take, and is not kept by a client that says nothing")
    func patience() async throws {
        var job = JobConfiguration.sample(rounds: 3, size: 3, minimum: 2)
        job.cohort.patience = 4
        let federation = TestFederation(job)
        await federation.addClients(ranks: [8, 8])
        await federation.backend.add(TestFederation.work(2)) { order in
            order.kind == .train && order.round == 3 ? .isSilent : .works
        }
        // The clock stands still: who has not delivered at once is late.
        let state = try await federation.run().run()
        #expect(state.committedRounds == 3)
        let counted = federation.log.events.compactMap { event in
            if case .committed(let round, _, let clients, _) = event { (round, clients.count) } else { nil }
        }
        #expect(counted.map(\.0) == [1, 2, 3] && counted[0].1 == 3 && counted[2].1 == 2)
        #expect(await federation.backend.withdrawals.map(\.client).contains("silo-2"))
    }

    @Test("has a client that is there take the part of one that fails")
    func replacement() async throws {
        var job = JobConfiguration.sample(rounds: 1, size: 3, minimum: 3)
        job.cohort.replacementDelay = .seconds(30)
        let everybody = (0..<4).map { ClientProfile(id: TestFederation.name($0), maximumRank: 8) }
        // A seed with which the first round asks silo-1, which fails.
        job.seed = try #require(
            (1...20).first { seed in
                CohortSelection.select(from: everybody, count: 3, seed: seed, round: 1).contains { $0.id == "silo-1" }
            }
        )
        let federation = TestFederation(job)
        await federation.addClients(ranks: [8])
        await federation.backend.add(TestFederation.work(1, maximumRank: 8)) { order in
            order.kind == .train ? .fails(reason: "no space left") : .works
        }
        for index in 2...3 { await federation.backend.add(TestFederation.work(index, maximumRank: 8)) }
        let state = try await federation.run().run()
        #expect(state.phase == .finished)
        #expect(Set(state.countedUpdates.keys) == ["silo-0", "silo-2", "silo-3"])
        #expect(await federation.store.changes.count { if case .joined = $0 { true } else { false } } == 1)
    }

    @Test("opens a round again that stayed below the minimum, and fails the job when that does not help")
    func belowMinimum() async throws {
        let federation = TestFederation(.sample(rounds: 1, size: 3, minimum: 2))
        await federation.addClients(ranks: [8])
        for index in 1...2 {
            await federation.backend.add(TestFederation.work(index)) { order in
                order.kind == .train ? .fails(reason: "no space left") : .works
            }
        }
        let state = try await federation.run().run()
        guard case .failed(let reason) = state.phase else {
            Issue.record("the job did not fail: \(state.phase)")
            return
        }
        #expect(
            reason == """
                Round 1 was given up 3 times. At last: Round 1 had 1 of at least 2 updates when nobody was left to wait \
                for: 'silo-1' failed (no space left), 'silo-2' failed (no space left).
                """
        )
        #expect(state.committedRounds == 0)
        #expect(state.global != nil)
    }

    @Test("closes with the first updates of an over-selected cohort")
    func overselection() async throws {
        let federation = TestFederation(.sample(rounds: 1, size: 2, minimum: 2, overselect: 2))
        await federation.addClients(ranks: [8, 8])
        for index in 2...3 {
            await federation.backend.add(TestFederation.work(index)) { $0.kind == .train ? .isSilent : .works }
        }
        let state = try await federation.run().run()
        #expect(state.phase == .finished)
        #expect(state.countedUpdates.keys.sorted() == ["silo-0", "silo-1"])
        #expect(await federation.backend.withdrawals.map(\.client) == ["silo-2", "silo-3"])
    }

    struct Hostile: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let expected: String
        let change: @Sendable (FinishedUpdate) -> FinishedUpdate
    }

    static let hostileUpdates: [Hostile] = [
        Hostile(testDescription: "NaN in a factor", expected: "NaN") { honest in
            .altered(honest) { $0.modules["bert.encoder.layer.0.attention.self.query"]?.b[3, 1] = .nan }
        },
        Hostile(testDescription: "infinity in the head", expected: "classifier.bias") { honest in
            .altered(honest) { $0.savedTensors["classifier.bias"]?.elements[7] = .infinity }
        },
        Hostile(testDescription: "a missing layer", expected: "self.value") { honest in
            .altered(honest) { $0.modules["bert.encoder.layer.0.attention.self.value"] = nil }
        },
        Hostile(testDescription: "an unknown tensor", expected: "extra.weight") { honest in
            .altered(honest) { $0.savedTensors["extra.weight"] = DenseTensor(shape: [1], elements: [1]) }
        },
        Hostile(testDescription: "a head of another shape", expected: "classifier.bias") { honest in
            .altered(honest) { $0.savedTensors["classifier.bias"] = DenseTensor(shape: [4], elements: [1, 2, 3, 4]) }
        },
        Hostile(testDescription: "another rank than handed out", expected: "rank 3") { honest in
            .altered(honest, rank: 3) { $0 = .sample(rank: 3) }
        },
        Hostile(testDescription: "a rank that is stated but not there", expected: "rank") { honest in
            .altered(honest) { $0 = .sample(rank: 3) }
        },
        Hostile(testDescription: "another alpha", expected: "alpha") { honest in
            FinishedUpdate(offer: honest.offer.stating(alpha: 1e9), payload: honest.payload)
        },
        Hostile(testDescription: "a claim of no examples", expected: "0 training examples") { honest in
            FinishedUpdate(offer: honest.offer.stating(exampleCount: 0), payload: honest.payload)
        },
        Hostile(testDescription: "a claim of 2⁶² examples", expected: "training examples") { honest in
            FinishedUpdate(offer: honest.offer.stating(exampleCount: 1 << 62), payload: honest.payload)
        },
        Hostile(testDescription: "a negative claim", expected: "training examples") { honest in
            FinishedUpdate(offer: honest.offer.stating(exampleCount: .min), payload: honest.payload)
        },
        Hostile(testDescription: "a payload that is too large", expected: "bytes") { honest in
            FinishedUpdate(offer: honest.offer.stating(byteCount: 1 << 40), payload: honest.payload)
        },
        Hostile(testDescription: "bytes that are no adapter", expected: "not the adapter") { honest in
            let payload = Array("GIF89a".utf8)
            return FinishedUpdate(
                offer: honest.offer.stating(digest: ContentDigest(hashing: payload), byteCount: payload.count),
                payload: payload
            )
        },
        Hostile(testDescription: "a digest of nothing that was sent", expected: "not in the store") { honest in
            FinishedUpdate(offer: honest.offer.stating(digest: .sampleModel), payload: honest.payload)
        },
        Hostile(testDescription: "another round", expected: "round 9") { honest in
            FinishedUpdate(offer: honest.offer.stating(round: 9), payload: honest.payload)
        },
        Hostile(testDescription: "another client's name", expected: "is not in the cohort") { honest in
            FinishedUpdate(offer: honest.offer.stating(client: "nobody"), payload: honest.payload)
        },
    ]

    @Test("rejects a hostile update with the reason, and goes on without it", arguments: hostileUpdates)
    func hostile(_ hostile: Hostile) async throws {
        let federation = TestFederation(.sample(rounds: 1, size: 3, minimum: 2))
        await federation.addClients(ranks: [8, 8])
        await federation.backend.add(TestFederation.work(2)) { order in
            order.kind == .train ? .offers(hostile.change) : .works
        }
        async let ended = federation.run().run()
        await federation.log.wait {
            $0.contains { if case .rejected = $0 { true } else { false } }
                && $0.filter { if case .accepted = $0 { true } else { false } }.count == 2
        }
        // An update under another name or round does not end its sender's part: the deadline does.
        federation.clock.advance(by: .seconds(600))
        let state = try await ended
        #expect(state.phase == .finished)
        #expect(state.countedUpdates.keys.sorted() == ["silo-0", "silo-1"])
        let reasons = await federation.backend.verdicts.compactMap { _, verdict in
            if case .rejected(let reason) = verdict { reason } else { nil }
        }
        #expect(reasons.count == 1)
        #expect(reasons.first?.contains(hostile.expected) == true, "\(reasons)")
        let bias = try await federation.bias()
        #expect(abs(bias[0] - 1 / 3) < 1e-6 && abs(bias[1] - 2 / 3) < 1e-6 && bias[2] == 0)
    }

    @Test("keeps the committed adapter and finishes when every evaluation fails")
    func failingEvaluations() async throws {
        let federation = TestFederation(.sample(rounds: 2, size: 2))
        for index in 0..<2 {
            await federation.backend.add(TestFederation.work(index)) { order in
                order.kind == .evaluate ? .fails(reason: "out of memory") : .works
            }
        }
        let state = try await federation.run().run()
        #expect(state.phase == .finished)
        #expect(state.evaluatedRound == 2)
        #expect(abs(try await federation.bias()[1] - 4 / 3) < 1e-6)
        #expect(await federation.store.figure("accuracy", "evaluate", round: 2) == nil)
    }

    @Test("ends an evaluation at its deadline when nobody reports")
    func silentEvaluations() async throws {
        let federation = TestFederation(.sample(rounds: 1, size: 2))
        for index in 0..<2 {
            await federation.backend.add(TestFederation.work(index)) { $0.kind == .evaluate ? .isSilent : .works }
        }
        async let ended = federation.run().run()
        await federation.backend.waitForOrders(2)
        federation.clock.advance(by: .seconds(600))
        await federation.log.wait { $0.contains { if case .committed = $0 { true } else { false } } }
        await federation.backend.waitForOrders(6)
        federation.clock.advance(by: .seconds(600))
        let state = try await ended
        #expect(state.phase == .finished)
        #expect(state.committedRounds == 1)
    }

    // MARK: - Who is there

    @Test("fails with a sentence when the minimum of clients does not come in time")
    func nobodyComes() async throws {
        let federation = TestFederation(.sample(rounds: 1, size: 3, minimum: 2))
        await federation.addClients(ranks: [8])
        async let ended = federation.run().run()
        await federation.log.wait(for: .waiting(round: 0, present: 1, needed: 3))
        federation.clock.advance(by: .seconds(60))
        await federation.backend.waitForOrders(1)
        federation.clock.advance(by: .seconds(600))
        await federation.log.wait(for: .waiting(round: 1, present: 1, needed: 2))
        federation.clock.advance(by: .seconds(3600))
        let state = try await ended
        #expect(
            state.phase
                == .failed(
                    reason: """
                        Round 1 needs 2 clients, but after 1h 1 were there. Start more clients, or lower \
                        `cohort.minimum`, and submit the job again.
                        """
                )
        )
    }

    @Test("waits shortly after the start for the whole cohort, as after a restart")
    func gathering() async throws {
        let federation = TestFederation(.sample(rounds: 1, size: 3, minimum: 1))
        await federation.addClients(ranks: [8, 8])
        await federation.backend.add(TestFederation.work(2), isPresent: false)
        async let ended = federation.run().run()
        await federation.log.wait(for: .waiting(round: 0, present: 2, needed: 3))
        await federation.backend.connect("silo-2")
        let state = try await ended
        #expect(state.phase == .finished)
        #expect(state.countedUpdates.count == 3)
    }

    @Test("orders again from a client that comes back in the middle of a round")
    func returning() async throws {
        let federation = TestFederation(.sample(rounds: 1, size: 2, minimum: 2))
        await federation.addClients(ranks: [8])
        await federation.backend.add(TestFederation.work(1)) { $0.kind == .train ? .isSilent : .works }
        async let ended = federation.run().run()
        await federation.backend.waitForOrders(4)
        await federation.backend.disconnect("silo-1")
        await federation.backend.add(TestFederation.work(1))
        await federation.backend.connect("silo-1")
        #expect(try await ended.phase == .finished)
        #expect(abs(try await federation.bias()[1] - 2 / 3) < 1e-6)
    }

    @Test("leaves out clients of a smaller rank when the strategy needs equal ranks")
    func equalRanks() async throws {
        var federation = TestFederation(.sample(rank: 8, rounds: 1, size: 3, minimum: 2))
        federation.limits.gathering = .zero
        await federation.addClients(ranks: [8, 4, 64])
        let state = try await federation.run().run()
        #expect(state.phase == .finished)
        #expect(state.countedUpdates.keys.sorted() == ["silo-0", "silo-2"])
    }

    // MARK: - Ends

    @Test("withdraws open orders when the job is cancelled, and cannot be resumed")
    func cancelling() async throws {
        let federation = TestFederation(.sample(rounds: 3, size: 2))
        await federation.addClients(ranks: [8])
        await federation.backend.add(TestFederation.work(1)) { $0.kind == .train ? .isSilent : .works }
        let run = federation.run()
        async let ended = run.run()
        await federation.backend.waitForOrders(4)
        run.cancel()
        #expect(try await ended.phase == .cancelled)
        #expect(await federation.backend.withdrawals.map(\.client).contains("silo-1"))
        #expect(try await federation.run().run().phase == .cancelled)
        #expect(await federation.backend.orders.count == 4)
    }

    @Test("stops without a trace when its task is cancelled, and goes on later")
    func shutdown() async throws {
        let federation = TestFederation(.sample(rounds: 1, size: 2))
        await federation.addClients(ranks: [8])
        await federation.backend.add(TestFederation.work(1)) { $0.kind == .train ? .isSilent : .works }
        let run = federation.run()
        let task = Task { try await run.run() }
        await federation.backend.waitForOrders(4)
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(await federation.store.state(of: .sample).phase == .running)
        await federation.backend.add(TestFederation.work(1))
        #expect(try await federation.run().run().phase == .finished)
    }

    @Test("stops when the backend shuts down")
    func backendEnds() async throws {
        let federation = TestFederation(.sample(rounds: 1, size: 2))
        let run = federation.run()
        let task = Task { try await run.run() }
        await federation.log.wait(for: .waiting(round: 0, present: 0, needed: 2))
        await federation.backend.shutDown()
        await #expect(throws: FederatedLearningError.backendEnded) { try await task.value }
    }

    @Test("stops when the global adapter is damaged, and goes on when it is back")
    func damagedGlobal() async throws {
        let federation = TestFederation(.sample(rounds: 1, size: 2))
        await federation.addClients(ranks: [8, 8])
        let global = await federation.store.keep(.sample())
        await federation.store.apply(.began(initial: global), to: .sample)
        await federation.store.apply(.evaluated(round: 0), to: .sample)
        await federation.store.flipBit(4001, of: global.digest)
        await #expect(throws: StoredAdapterError.damaged(global.digest)) { try await federation.run().run() }
        #expect(await federation.store.state(of: .sample).phase == .running)
        await federation.store.flipBit(4001, of: global.digest)
        #expect(try await federation.run().run().phase == .finished)
    }

    @Test("leaves an accepted update out when its payload was damaged, and says so")
    func damagedUpdate() async throws {
        let federation = TestFederation(.sample(rounds: 1, size: 3, minimum: 2))
        await federation.addClients(ranks: [8, 8])
        await federation.backend.add(TestFederation.work(2)) { $0.kind == .train ? .isSilent : .works }
        let run = federation.run()
        let task = Task { try await run.run() }
        await federation.log.wait { $0.filter { if case .accepted = $0 { true } else { false } }.count == 2 }
        task.cancel()
        _ = await task.result
        let accepted = try #require(await federation.store.state(of: .sample).openRound?.accepted["silo-0"])
        await federation.store.flipBit(4001, of: accepted.adapter.digest)
        await federation.backend.add(TestFederation.work(2))
        let state = try await federation.run().run()
        #expect(state.phase == .finished)
        #expect(
            federation.log.events.contains {
                if case .excluded(round: 1, "silo-0", _) = $0 { true } else { false }
            }
        )
        let bias = try await federation.bias()
        #expect(bias[0] == 0 && abs(bias[1] - 0.4) < 1e-6 && abs(bias[2] - 0.6) < 1e-6)
    }

    @Test("answers an update again with accepted when its round was committed before the client heard")
    func repeatedAfterCommit() async throws {
        let federation = TestFederation(.sample(rounds: 1, size: 2))
        for index in 0..<2 {
            await federation.backend.add(TestFederation.work(index)) { order in
                order == .init(job: .sample, round: 1, kind: .evaluate) ? .isSilent : .works
            }
        }
        async let ended = federation.run().run()
        await federation.backend.waitForOrders(6)
        let offers = await federation.backend.verdicts.map(\.offer)
        let again = try #require(offers.first)
        await federation.backend.emit(.offered(again))
        await federation.backend.emit(.offered(again.stating(digest: .sampleModel)))
        for index in 0..<2 {
            let id = WorkOrder.ID(job: .sample, round: 1, kind: .evaluate)
            await federation.backend.emit(.failed(TestFederation.name(index), id, reason: "enough"))
        }
        _ = try await ended
        let verdicts = await federation.backend.verdicts.suffix(2).map(\.verdict)
        #expect(verdicts == [.accepted, .rejected(reason: UpdateRejection.roundOver(round: 1).description)])
    }
}

extension FinishedUpdate {
    /// The update as it were if the training had left what `change` makes of the handed adapter.
    fileprivate static func altered(
        _ honest: FinishedUpdate,
        rank: Int? = nil,
        _ change: (inout LoRAAdapter) -> Void
    ) -> FinishedUpdate {
        var adapter = LoRAAdapter.sample()
        change(&adapter)
        let payload = AdapterPayload.bytes(of: adapter)
        return FinishedUpdate(
            offer: honest.offer.stating(
                digest: ContentDigest(hashing: payload),
                byteCount: payload.count,
                rank: rank
            ),
            payload: payload
        )
    }
}

extension UpdateOffer {
    /// The offer with other claims.
    fileprivate func stating(
        client: ClientID? = nil,
        round: Int? = nil,
        digest: ContentDigest? = nil,
        byteCount: Int? = nil,
        rank: Int? = nil,
        alpha: Double? = nil,
        exampleCount: Int? = nil
    ) -> UpdateOffer {
        UpdateOffer(
            client: client ?? self.client,
            order: WorkOrder.ID(job: order.job, round: round ?? order.round, kind: order.kind),
            adapter: AdapterReference(
                digest: digest ?? adapter.digest,
                byteCount: byteCount ?? adapter.byteCount,
                rank: rank ?? adapter.rank,
                alpha: alpha ?? adapter.alpha
            ),
            exampleCount: exampleCount ?? self.exampleCount,
            metrics: metrics
        )
    }
}
