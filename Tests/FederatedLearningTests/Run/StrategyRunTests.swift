import Adapters
import Aggregation
import FederatedLearning
import LinearAlgebra
import TestSupport
import Testing

/// Whole runs of strategies that ask more of a run than to average: what is sent, what stays, what is carried on.
@Suite(.timeLimit(.minutes(2)))
struct StrategyRunTests {
    private func finished(_ federation: TestFederation) async throws -> LoRAAdapter {
        let state = try await federation.run().run()
        #expect(state.phase == .finished)
        return try await federation.store.adapter(try #require(state.global))
    }

    @Test("runs every registered strategy to its end", arguments: StrategyRegistry.names)
    func everyStrategy(_ name: String) async throws {
        var federation = TestFederation(.sample(strategy: .init(name: name), rank: 4, rounds: 3, size: 3))
        federation.strategy = try StrategyRegistry.strategy(named: name)
        await federation.addClients(ranks: [8, 8, 8], factorDelta: 0.125)
        let global = try await finished(federation)
        for module in global.modules.values {
            #expect(module.a.isFinite && module.b.isFinite)
        }
        let bias = try await federation.bias()
        // Heads are averaged by examples, except where they stay on the clients.
        let expected = federation.strategy.profile.savedTensors == .local ? [0, 0, 0] : [0.5, 1.0, 1.5]
        for (found, expected) in zip(bias, expected) { #expect(abs(Double(found) - expected) < 1e-6) }
    }

    @Test("takes B alone under ffa-lora, and leaves A as it was bit by bit")
    func frozenA() async throws {
        var federation = TestFederation(.sample(strategy: .init(name: "ffa-lora"), rank: 4, rounds: 2, size: 2))
        federation.strategy = FFALoRA()
        await federation.addClients(ranks: [8, 8], factorDelta: 0.5)
        let global = try await finished(federation)
        let initial = LoRAAdapter.sample(rank: 4)
        for (path, module) in initial.modules {
            let found = try #require(global.modules[path])
            #expect(found.a == module.a && found.b != module.b)
        }
    }

    @Test("folds what flora stacks into the base model, and hands it out with a fresh adapter")
    func residual() async throws {
        var federation = TestFederation(.sample(strategy: .init(name: "flora"), rank: 4, rounds: 2, size: 2))
        federation.strategy = FLoRA()
        await federation.addClients(ranks: [2, 4], factorDelta: 0.5)
        let global = try await finished(federation)
        for (path, module) in global.modules {
            let residual = try #require(global.residual[path])
            #expect(module.b.frobeniusNorm == 0 && residual.b.frobeniusNorm > 0 && residual.scaling == 1)
        }
        let handed = await federation.backend.orders.filter {
            $0.order.id == .init(job: .sample, round: 2, kind: .train)
        }
        let adapter = try await federation.store.adapter(try #require(handed.first).order.adapter)
        #expect(!adapter.residual.isEmpty)
    }

    @Test("gives every layer a core under fed-sb, which alone is trained and sent")
    func cores() async throws {
        var federation = TestFederation(.sample(strategy: .init(name: "fed-sb"), rank: 4, rounds: 1, size: 2))
        federation.strategy = FedSB()
        await federation.addClients(ranks: [8, 8])
        let global = try await finished(federation)
        #expect(global.modules.values.allSatisfy { $0.core?.rows == 4 })
        let changes = await federation.store.changes
        let sizes = changes.compactMap { change -> Int? in
            guard case .accepted(let offer) = change else { return nil }
            return offer.adapter.byteCount
        }
        let whole = AdapterPayload.bytes(of: global).count
        #expect(sizes.count == 2 && sizes.allSatisfy { $0 < whole })
    }

    @Test("carries an optimizer's moments from round to round, also over restarts", arguments: ["fedavg", "flexlora"])
    func moments(_ name: String) async throws {
        func federation(_ optimizer: ServerOptimizer?) async throws -> TestFederation {
            var federation = TestFederation(.sample(strategy: .init(name: name), rank: 4, rounds: 3, size: 2))
            federation.strategy = try StrategyRegistry.strategy(named: name)
            federation.optimizer = optimizer
            await federation.addClients(ranks: [4, 4], factorDelta: 0.25)
            return federation
        }
        let optimizer = ServerOptimizer.fedAvgM(learningRate: 0.5, momentum: 0.9)
        let expected = try await federation(optimizer).run().run()
        #expect(expected.phase == .finished && expected.moments != nil)
        let without = try await federation(nil).run().run()
        #expect(without.moments == nil && without.global != expected.global)

        var interruptions = 0
        for write in stride(from: 3, to: 40, by: 4) {
            let disturbed = try await federation(optimizer)
            do {
                _ = try await disturbed.run(on: InterruptedRunStore(disturbed.store, failingAt: write, .after)).run()
            } catch is InterruptedRunStore.Interruption {
                interruptions += 1
            }
            let state = try await disturbed.run().run()
            #expect(state.global == expected.global && state.moments == expected.moments, "write \(write)")
        }
        #expect(interruptions >= 5)
    }

    @Test("gives up a round whose adapter every client would refuse, and keeps the one before")
    func refusedByAll() async throws {
        var federation = TestFederation(.sample(rounds: 1, size: 2))
        federation.optimizer = .fedAvgM(learningRate: 1e8)
        await federation.addClients(ranks: [8, 8])
        let state = try await federation.run().run()
        guard case .failed(let reason) = state.phase else {
            Issue.record("the job did not fail: \(state.phase)")
            return
        }
        #expect(reason.contains("'classifier.bias' in 'the next global adapter' holds"))
        #expect(state.committedRounds == 0 && state.moments == nil)
        #expect(try await federation.bias() == [Float](repeating: 0, count: 8))
    }

    @Test("leaves out what a robust rule does not trust")
    func robustRule() async throws {
        var federation = TestFederation(.sample(rank: 4, rounds: 1, size: 5, minimum: 5))
        federation.robustRule = Krum(byzantine: 1)
        await federation.addClients(ranks: [8, 8, 8, 8])
        await federation.backend.add(
            ClientWork(
                client: TestFederation.name(4),
                maximumRank: 8,
                modelDigest: .sampleModel,
                trainer: ConstantTrainer(element: 4, delta: 1000, exampleCount: 100)
            )
        )
        _ = try await finished(federation)
        let bias = try await federation.bias()
        #expect(bias[4] == 0 && bias.contains(1))
    }
}
