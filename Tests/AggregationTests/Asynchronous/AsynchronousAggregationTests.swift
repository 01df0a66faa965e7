import Adapters
import LinearAlgebra
import TestSupport
import Testing

@testable import Aggregation

@Suite(.tags(.numerics))
struct AsynchronousAggregationTests {
    init() {
        BLASThreads.useCallingThreadOnly()
    }

    /// FedAvg's factors at any ranks: what RBLA lets clients train.
    private struct MixedFactors: AggregationStrategy {
        let profile: StrategyProfile = {
            var profile = FedAvg().profile
            profile.ranks = .mixed
            return profile
        }()

        func combine(_ layer: LayerUpdates) throws(AggregationError) -> CombinedLayer { CombinedLayer(layer.global) }
    }

    private func aggregation(_ test: RobustReference.Asynchronous) -> BufferedAggregation {
        BufferedAggregation(
            bufferSize: test.entries.count,
            normalization: test.normalization,
            learningRate: test.learningRate
        )
    }

    @Test("adds changes of factors as NumPy does, at equal and at mixed ranks", arguments: [1, 2])
    func factors(_ threads: Int) throws {
        for test in try RobustReference.load().asynchronous {
            let next = try AsynchronousAggregation(
                strategy: MixedFactors(),
                aggregation: aggregation(test),
                threads: threads
            )
            .nextGlobal(from: test.now.adapter, changes: test.changes, round: .first)
            for (path, expected) in test.factors {
                let module = try #require(next.modules[path])
                #expect(largestDifference(module.a.elements.map(Double.init), expected.a.flatMap(\.self)) < 2e-7)
                #expect(largestDifference(module.b.elements.map(Double.init), expected.b.flatMap(\.self)) < 2e-7)
            }
            let head = try #require(next.savedTensors["head.bias"]).elements
            #expect(largestDifference(head.map(Double.init), test.head) < 2e-7)
        }
    }

    @Test("adds changes of products as NumPy does, from factors in any old basis", arguments: [1, 2])
    func products(_ threads: Int) throws {
        for test in try RobustReference.load().asynchronous {
            let next = try AsynchronousAggregation(
                strategy: FlexLoRA(),
                aggregation: aggregation(test),
                threads: threads
            )
            .nextGlobal(from: test.now.adapter, changes: test.changes, round: .first)
            for (path, expected) in test.products {
                let found = try #require(next.modules[path]).product.elements
                #expect(largestDifference(found, expected) < 2e-6, "\(test.name), \(path)")
            }
        }
    }

    /// D = 1 with τ = 0 and with τ = 3, K = 2: 0.75 as published, 1 when divided by Σ s.
    @Test("takes the paper's step", arguments: zip([BufferedAggregation.Normalization.count, .weights], [0.75, 1]))
    func golden(_ normalization: BufferedAggregation.Normalization, _ expected: Float) throws {
        func adapter(_ value: Float) -> LoRAAdapter {
            LoRAAdapter(
                modules: ["layer": LoRAModule(a: Matrix([[2]]), b: Matrix([[value]]), alpha: 1)],
                savedTensors: ["head": DenseTensor(shape: [1], elements: [value])]
            )
        }
        // Two starts of different versions, neither of them the current one.
        let changes = [(0, Float(10)), (3, 20)].map { staleness, start in
            AsynchronousAggregation.Change(
                update: ClientUpdate(
                    client: ClientID("\(staleness)"),
                    weight: 1,
                    adapter: adapter(start + 1),
                    handed: adapter(start)
                ),
                staleness: staleness
            )
        }
        let buffered = BufferedAggregation(bufferSize: 2, normalization: normalization)
        for strategy in [FedAvg() as any AggregationStrategy, FlexLoRA()] {
            let next = try AsynchronousAggregation(strategy: strategy, aggregation: buffered)
                .nextGlobal(from: adapter(0), changes: changes, round: .first)
            #expect(next.savedTensors["head"]?.elements == [expected])
            let product = try #require(next.modules["layer"]).product.elements[0]
            #expect(abs(product - 2 * Double(expected)) < 1e-6)
        }
    }

    @Test("is an ordinary round of FedAvg when nobody is stale")
    func synchronous() throws {
        var cohort = Cohort(rank: 4)
        let updates = try (0..<4).map { try cohort.update("client-\($0)", rank: 4, weight: 1, of: FedAvg()) }
        let round = try CohortAggregation(strategy: FedAvg()).nextGlobal(from: cohort.global, updates: updates)
        let step = try AsynchronousAggregation(strategy: FedAvg(), aggregation: BufferedAggregation(bufferSize: 4))
            .nextGlobal(
                from: cohort.global,
                changes: updates.map { .init(update: $0, staleness: 0) },
                round: .first
            )
        #expect(step.distance(to: round) < 1e-6)
    }

    /// The same change of factors, before and after the server turned their signs.
    @Test("does not add a change of old factors to factors that were split anew")
    func rebasing() throws {
        var cohort = Cohort(rank: 4)
        let update = try cohort.update("late", rank: 4, weight: 1, of: FlexLoRA())
        var rebased = cohort.global
        for (path, module) in cohort.global.modules.sorted(by: { $0.key < $1.key }) {
            rebased.modules[path] = module.gauged(using: &cohort.generator)
        }
        let changes = [
            AsynchronousAggregation.Change(
                update: ClientUpdate(client: update.client, weight: 1, adapter: update.adapter, handed: cohort.global),
                staleness: 1
            )
        ]
        let buffered = BufferedAggregation(bufferSize: 1, normalization: .weights)
        func next(_ strategy: any AggregationStrategy) throws -> LoRAAdapter {
            try AsynchronousAggregation(strategy: strategy, aggregation: buffered)
                .nextGlobal(from: rebased, changes: changes, round: .first)
        }
        // The change of the product arrives; the best adapter of rank 4 of the client's product is the client's own.
        let trained = update.adapter.resident()
        #expect(try next(FlexLoRA()).distance(to: trained) < 1e-5)
        #expect(try next(FedAvg()).distance(to: trained) > 0.1)
    }

    @Test("names the client whose change does not fit")
    func refusals() throws {
        var cohort = Cohort(rank: 4)
        let update = try cohort.update("late", rank: 4, weight: 1, of: FlexLoRA())
        let step = AsynchronousAggregation(strategy: FlexLoRA(), aggregation: BufferedAggregation(bufferSize: 1))
        let start = try FlexLoRA().adapter(forRank: 2, from: cohort.global)
        let mismatched = ClientUpdate(client: update.client, weight: 1, adapter: update.adapter, handed: start)
        #expect(
            throws: AggregationError.rankMismatch(
                client: update.client,
                module: "layer.0.query",
                expected: 2,
                found: 4
            )
        ) {
            try step.nextGlobal(
                from: cohort.global,
                changes: [.init(update: mismatched, staleness: 0)],
                round: .first
            )
        }
        #expect(throws: AggregationError.nothingToAggregate) {
            try step.nextGlobal(from: cohort.global, changes: [], round: .first)
        }
    }

    @Test("goes with strategies that add up changes, and says why not with others", arguments: StrategyRegistry.names)
    func combinations(_ name: String) throws {
        let strategy = try StrategyRegistry.strategy(named: name)
        let refused = ["flora", "fedex-lora", "hetlora", "lora-fair", "rolora"]
        guard refused.contains(name) else {
            try AsynchronousAggregation.check(goesWith: strategy)
            return
        }
        let error = #expect(throws: AggregationError.self) { try AsynchronousAggregation.check(goesWith: strategy) }
        #expect(error?.description.hasPrefix("`strategy.name` is '\(name)'") == true)
    }

    @Test("takes a step with every strategy that it goes with", arguments: StrategyRegistry.names, [1, 2])
    func everyStrategy(_ name: String, _ threads: Int) throws {
        let strategy = try StrategyRegistry.strategy(named: name)
        guard (try? AsynchronousAggregation.check(goesWith: strategy)) != nil else { return }
        let ranks = strategy.profile.ranks == .mixed ? [4, 2, 3] : [4]
        let round = try AttackedRound(of: strategy, ranks: ranks, by: { $1 })
        // Everyone fresh: the mean of the changes, as in a synchronous round without dilution.
        let changes = try round.updates.map { update in
            let rank = update.adapter.maximumRank
            let start = try strategy.adapter(forRank: rank, from: round.global)
            return AsynchronousAggregation.Change(
                update: ClientUpdate(client: update.client, weight: 1, adapter: update.adapter, handed: start),
                staleness: 0
            )
        }
        let step = try AsynchronousAggregation(
            strategy: strategy,
            aggregation: BufferedAggregation(bufferSize: changes.count),
            threads: threads
        )
        .nextGlobal(from: round.global, changes: changes, round: .first)
        #expect(step.distance(to: round.global) > 0.01)
        guard name != "raflora" else { return }
        let expected = try CohortAggregation(strategy: strategy).nextGlobal(from: round.global, updates: round.updates)
        #expect(step.distance(to: expected) < 1e-5)
        #expect(step.savedTensors.keys == expected.savedTensors.keys)
    }
}
