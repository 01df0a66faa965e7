import Adapters
import Aggregation
import DifferentialPrivacy
import FederatedLearning
import LinearAlgebra
import TestSupport
import Testing

@Suite("Runs with noise", .timeLimit(.minutes(5)))
struct PrivateRunTests {
    private func federation(
        _ privacy: PrivacySettings,
        clients: Int = 4,
        population: Int? = nil,
        rounds: Int = 3,
        seed: UInt64 = 1
    ) async -> TestFederation {
        var job = JobConfiguration.sample(rounds: rounds, size: max(clients, 2), minimum: max(clients, 2))
        job.cohort.population = population ?? max(clients, 2)
        job.privacy = privacy
        job.seed = seed
        var federation = TestFederation(job)
        federation.secrets = .seeded(seed)
        await federation.addClients(ranks: Array(repeating: 8, count: clients))
        return federation
    }

    private static func central(
        clippingNorm: Double = 10,
        noiseMultiplier: Double = 0.01,
        budget: Double? = nil,
        sampling: PrivacySettings.Sampling = .fixed
    ) -> PrivacySettings {
        PrivacySettings(
            mechanism: .central,
            clippingNorm: clippingNorm,
            noiseMultiplier: noiseMultiplier,
            delta: 1e-5,
            epsilonBudget: budget,
            sampling: sampling,
            accountant: .renyi
        )
    }

    // MARK: - What is released

    @Test("take the mean of all clients alike, whatever their numbers of examples, but for the noise")
    func mean() async throws {
        let federation = await federation(Self.central(clippingNorm: 2, noiseMultiplier: 0.01))
        let state = try await federation.run().run()
        #expect(state.phase == .finished)
        let bias = try await federation.bias()
        // Each client adds 1 to an element of its own, in each of three rounds; σ of the mean is z·C/n = 0.005 a round.
        for (index, expected) in [0.75, 0.75, 0.75, 0.75, 0, 0, 0, 0].enumerated() {
            #expect(abs(Double(bias[index]) - expected) < 6 * 0.005 * 3.0.squareRoot(), "element \(index)")
        }
        #expect(bias[0] != 0.75)
    }

    @Test("bound what one client can do by the clipping norm")
    func clipping() async throws {
        var federation = await federation(Self.central(clippingNorm: 0.5, noiseMultiplier: 0.01), rounds: 1)
        federation.limits.attempts = 1
        _ = try await federation.run().run()
        let global = try await federation.store.adapter(
            try #require(await federation.store.state(of: .sample).global)
        )
        // A client's change has a one in the bias and eight in the weights' column: norm 3 is cut to 0.5.
        let bias = try #require(global.savedTensors["classifier.bias"]).elements
        let weights = try #require(global.savedTensors["classifier.weight"]).elements
        let norm = (bias + weights).reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        // Orthogonal changes of four clients, over four, and noise of 0.5 · 0.01 / 4 on each of 200 numbers.
        #expect(norm <= 0.25 + 0.05, "\(norm)")
        #expect(norm >= 0.2, "\(norm)")
    }

    @Test("noise every number that clients send with z·C over the expected cohort")
    func noise() async throws {
        let federation = await federation(Self.central(clippingNorm: 4, noiseMultiplier: 50), rounds: 1)
        let state = try await federation.run().run()
        let before = LoRAAdapter.sample(rank: 4)
        let after = try await federation.store.adapter(try #require(state.global))
        var differences: [Double] = []
        for (path, module) in after.modules {
            let start = try #require(before.modules[path])
            differences += zip(module.a.elements, start.a.elements).map { Double($0 - $1) }
            differences += zip(module.b.elements, start.b.elements).map { Double($0 - $1) }
        }
        for (name, tensor) in after.savedTensors {
            differences += zip(tensor.elements, try #require(before.savedTensors[name]).elements).map {
                Double($0 - $1)
            }
        }
        let deviation = (differences.reduce(0) { $0 + $1 * $1 } / Double(differences.count)).squareRoot()
        let expected = 50.0 * 4 / 4
        // The deviation of n draws lies within 5·σ/√2n; the clients' own changes are far below.
        #expect(abs(deviation - expected) < 5 * expected / (2 * Double(differences.count)).squareRoot())
        #expect(differences.count == 200)
    }

    @Test("draw clients by secret coins, and release noise for nobody just as well")
    func poisson() async throws {
        let privacy = Self.central(noiseMultiplier: 1, sampling: .poisson)
        let federation = await federation(privacy, clients: 8, population: 8, rounds: 1)
        var job = federation.job
        job.cohort = .init(size: 1, minimum: 1, deadline: .seconds(600), population: 8)
        job.rounds = 40
        job.evaluation = .init(every: 40)
        var sampled = TestFederation(job)
        sampled.secrets = .seeded(3)
        await sampled.addClients(ranks: Array(repeating: 8, count: 8))
        let state = try await sampled.run().run()
        #expect(state.phase == .finished && state.committedRounds == 40)
        let sizes = sampled.log.events.compactMap { event in
            if case .opened(_, let cohort) = event { cohort.count } else { nil }
        }
        // 320 coins at 1/8: 40 ± 5.9.
        #expect((12...68).contains(sizes.reduce(0, +)))
        #expect(sizes.contains(0) && Set(sizes).count > 2)
        let expected = NoisedSteps(noiseMultiplier: 1, sampling: .poisson(rate: 0.125), count: 40)
        #expect(state.ledger.steps == [expected])
    }

    @Test("let the clipping norm follow the updates")
    func adaptiveClipping() async throws {
        var privacy = Self.central(clippingNorm: 0.1, noiseMultiplier: 0.05)
        privacy.adaptiveClipping = .init(quantile: 0.5, learningRate: 0.2)
        let federation = await federation(privacy, rounds: 6)
        let state = try await federation.run().run()
        // Every update is longer than the norm, so that it grows by e^0.1 a round, but for the noise on the count.
        let norm = try #require(state.clippingNorm)
        #expect(norm > 0.1 * 1.3 && norm < 0.1 * 2.6, "\(norm)")
        #expect(await federation.store.figure("clipping_norm", "round", round: 1) == 0.1)
    }

    @Test("share the noise of a tree between rounds")
    func tree() async throws {
        var privacy = Self.central(clippingNorm: 4, noiseMultiplier: 5)
        privacy.mechanism = .tree
        let federation = await federation(privacy, rounds: 4)
        let state = try await federation.run().run()
        #expect(state.phase == .finished)
        #expect(state.ledger.steps.map(\.count) == [1])
        // The fourth prefix is one node: its noise has z·C/n, not the root of four times that.
        let after = try await federation.store.adapter(try #require(state.global))
        let before = LoRAAdapter.sample(rank: 4)
        let differences = after.modules.flatMap { path, module in
            zip(module.a.elements, before.modules[path]?.a.elements ?? []).map { Double($0 - $1) }
        }
        let deviation = (differences.reduce(0) { $0 + $1 * $1 } / Double(differences.count)).squareRoot()
        #expect(abs(deviation - 5) < 5 * 5 / (2 * Double(differences.count)).squareRoot(), "\(deviation)")
    }

    // MARK: - What it costs

    @Test("pay for a tree once, however often its first round is attempted")
    func treeAgain() async throws {
        var privacy = Self.central(clippingNorm: 4, noiseMultiplier: 5)
        privacy.mechanism = .tree
        var federation = await federation(privacy, rounds: 4)
        let tree = try #require(try federation.job.charge(after: PrivacyLedger()))
        let cost = try PrivacyLedger(steps: [tree]).epsilon(by: privacy)
        federation.job.privacy?.epsilonBudget = cost + 0.001
        let charge = PrivacyCharge(
            round: 1,
            steps: tree,
            clippingNorm: 4,
            noiseKey: NoiseKey(bytes: [UInt8](0..<32)),
            isKeyShared: true
        )
        let initial = await federation.store.keep(.sample(rank: federation.job.adapter.rank))
        let attempt: [RunChange] = [
            .began(initial: initial), .opened(round: 1, cohort: []), .charged(charge),
            .abandoned(round: 1, reason: "damaged"),
        ]
        for change in attempt { await federation.store.apply(change, to: .sample) }
        let state = try await federation.run().run()
        #expect(state.phase == .finished && state.committedRounds == 4)
        #expect(state.ledger.steps == [tree])
    }

    @Test("refuse the round that the budget does not cover, and keep the adapter of the one before")
    func budget() async throws {
        let one = try PrivacyLedger(steps: [NoisedSteps(noiseMultiplier: 2, sampling: .everyone, count: 2)])
            .epsilon(by: .renyi, delta: 1e-5)
        let federation = await federation(Self.central(noiseMultiplier: 2, budget: one + 0.01))
        let state = try await federation.run().run()
        #expect(state.committedRounds == 2)
        guard case .exhausted(let reason) = state.phase else {
            Issue.record("the run ended \(state.phase)")
            return
        }
        #expect(reason.hasPrefix("Round 3 would bring ε from "))
        #expect(state.ledger.steps == [NoisedSteps(noiseMultiplier: 2, sampling: .everyone, count: 2)])
        let figure = try #require(await federation.store.figure("epsilon", "round", round: 2))
        #expect(figure == one)
    }

    @Test(
        "charge before they release, and release the same after a crash at any write",
        arguments: InterruptedRunStore.Moment.allCases
    )
    func crashes(moment: InterruptedRunStore.Moment) async throws {
        let privacy = Self.central(noiseMultiplier: 1)
        let quiet = await federation(privacy, rounds: 2)
        let counting = InterruptedRunStore(quiet.store, failingAt: .max, .before)
        let expected = try #require(try await quiet.run(on: counting).run().global)
        for write in 1...counting.writeCount {
            let federation = await federation(privacy, rounds: 2)
            let dying = InterruptedRunStore(federation.store, failingAt: write, moment)
            await #expect(throws: InterruptedRunStore.Interruption.self) {
                try await federation.run(on: dying).run()
            }
            let stopped = await federation.store.state(of: .sample)
            let charged = stopped.ledger.steps.reduce(0) { $0 + $1.count }
            #expect(charged >= stopped.committedRounds, "write \(write)")
            let state = try await federation.run().run()
            #expect(state.global == expected, "write \(write)")
            #expect(state.ledger.steps.map(\.count) == [2], "write \(write)")
        }
    }

    @Test("release the same with fresh secrets, once they are charged")
    func freshSecrets() async throws {
        var federation = await federation(Self.central(noiseMultiplier: 1), rounds: 1)
        federation.secrets = .system
        // The write after the charge is the adapter's.
        var write = 1
        while true {
            let dying = InterruptedRunStore(federation.store, failingAt: write, .after)
            do { _ = try await federation.run(on: dying).run() } catch is InterruptedRunStore.Interruption {}
            let state = await federation.store.state(of: .sample)
            if state.openRound?.charge != nil { break }
            try #require(!state.phase.isFinal)
            write += 1
            federation = await self.federation(Self.central(noiseMultiplier: 1), rounds: 1)
            federation.secrets = .system
        }
        let charge = try #require(await federation.store.state(of: .sample).openRound?.charge)
        let state = try await federation.run().run()
        #expect(charge.noiseKey != nil && state.noiseKey == nil)
        #expect(
            await federation.store.changes.filter { if case .charged = $0 { true } else { false } } == [
                .charged(charge)
            ]
        )
        #expect(state.ledger.steps.map(\.count) == [1])
    }

    @Test("charge clients that noise their updates themselves as soon as they are asked")
    func local() async throws {
        let privacy = PrivacySettings(mechanism: .local, clippingNorm: 1, noiseMultiplier: 3, delta: 1e-5)
        let federation = await federation(privacy, rounds: 2)
        let state = try await federation.run().run()
        #expect(state.ledger.steps == [NoisedSteps(noiseMultiplier: 1.5, sampling: .everyone, count: 2)])
        let offers = await federation.backend.verdicts.map(\.offer).filter { $0.order.kind == .train }
        #expect(offers.allSatisfy { $0.exampleCount == 1 && $0.metrics["loss"] == nil })
    }

    @Test(
        "ask no silo for a round that its own ledger does not cover, and end when too few are left",
        arguments: [nil, JobConfiguration.Asynchronous(buffer: 2)]
    )
    func spentSilos(asynchronous: JobConfiguration.Asynchronous?) async throws {
        var privacy = PrivacySettings(mechanism: .exampleLevel, clippingNorm: 1, noiseMultiplier: 1, delta: 1e-5)
        privacy.accountant = .renyi
        let round = NoisedSteps(noiseMultiplier: 1, sampling: .poisson(rate: 0.1), count: 5)
        func epsilon(_ rounds: Int) throws -> Double {
            try PrivacyLedger(steps: Array(repeating: round, count: rounds)).epsilon(by: privacy)
        }
        privacy.epsilonBudget = try epsilon(2) + 0.001
        var federation = await federation(privacy, clients: 0, rounds: 5)
        federation.job.asynchronous = asynchronous
        federation.limits.gathering = .zero
        let ledgers = SiloLedgers()
        for index in 0..<2 {
            await federation.backend.add(
                ClientWork(
                    client: TestFederation.name(index),
                    maximumRank: 8,
                    modelDigest: .sampleModel,
                    trainer: NoisedTrainer(steps: round, base: ConstantTrainer(element: index)),
                    book: ledgers.book(of: TestFederation.name(index))
                )
            )
        }
        let state = try await federation.run().run()
        #expect(state.committedRounds == 2)
        guard case .exhausted(let reason) = state.phase else {
            Issue.record("the run ended \(state.phase)")
            return
        }
        #expect(reason.contains("'silo-0', 'silo-1'"))
        #expect(await federation.store.figure("epsilon", "round", round: 2) == (try epsilon(2)))
        #expect(state.siloStandings.mapValues(\.next) == ["silo-0": try epsilon(3), "silo-1": try epsilon(3)])
    }
}

/// A trainer that says it has noised its steps.
private struct NoisedTrainer: LocalTrainer {
    let steps: NoisedSteps
    let base: ConstantTrainer

    func train(
        _ adapter: LoRAAdapter,
        for order: WorkOrder,
        progress: @escaping @Sendable (TrainingProgress) -> Void
    ) async throws -> TrainingOutcome {
        let outcome = try await base.train(adapter, for: order, progress: progress)
        return TrainingOutcome(
            adapter: outcome.adapter,
            exampleCount: outcome.exampleCount,
            metrics: outcome.metrics,
            noisedSteps: steps
        )
    }

    func evaluate(_ adapter: LoRAAdapter, for order: WorkOrder) async throws -> EvaluationReport {
        try await base.evaluate(adapter, for: order)
    }
}
