import Adapters
import Foundation
import LinearAlgebra
import TestSupport
import Testing

@testable import Aggregation

@Suite(.tags(.numerics))
struct ServerOptimizerTests {
    init() {
        BLASThreads.useCallingThreadOnly()
    }

    static let optimizers: [ServerOptimizer] = [
        .fedAvgM(), .fedAdam(learningRate: 0.01), .fedYogi(learningRate: 0.01), .fedAdagrad(learningRate: 0.01),
    ]

    /// An adapter of one 1×12 layer of rank 1: A holds the values, B is one number.
    private func adapter(_ values: [Float]) -> LoRAAdapter {
        let module = LoRAModule(a: Matrix([values]), b: Matrix([[1]]), alpha: 1)
        let head = DenseTensor(shape: [values.count], elements: values)
        return LoRAAdapter(modules: ["layer": module], savedTensors: ["head": head])
    }

    @Test("agrees with NumPy over five rounds, in factors and saved tensors")
    func reference() throws {
        for test in try RobustReference.load().optimizers {
            let settings = ServerOptimizerSettings(name: test.name, learningRate: test.learningRate)
            let optimizer = try #require(try ServerOptimizerRegistry.optimizer(settings))
            var x = adapter(test.start)
            var moments: ServerMoments?
            for (move, expected) in zip(test.moves, test.steps) {
                let values = try #require(x.modules["layer"]).a.elements
                let aggregate = adapter(zip(values, move).map(+))
                x = try optimizer.step(from: x, towards: aggregate, moments: &moments, profile: FedAvg().profile)
                let found = try #require(x.modules["layer"]).a.elements
                // D is a difference of 32-bit numbers of about 1: 1e-7 of 0.05, and η/τ times that where v is small.
                #expect(largestDifference(found.map(Double.init), expected) < 1e-5, "\(test.name)")
                #expect(x.savedTensors["head"]?.elements == found)
                #expect(x.modules["layer"]?.b == Matrix([[1]]))
            }
        }
    }

    @Test("carries the momentum of the product where factors are split anew, as NumPy does with dense matrices")
    func products() throws {
        let test = try RobustReference.load().productMomentum
        let optimizer = ServerOptimizer.fedAvgM(learningRate: test.learningRate, momentum: test.momentum)
        var x = LoRAAdapter(modules: ["layer": test.start.module])
        var moments: ServerMoments?
        for (aggregate, expected) in zip(test.aggregates, test.steps) {
            x = try optimizer.step(
                from: x,
                towards: LoRAAdapter(modules: ["layer": aggregate.module]),
                moments: &moments,
                profile: FlexLoRA().profile
            )
            #expect(largestDifference(try #require(x.modules["layer"]).product.elements, expected) < 3e-6)
            #expect(moments?.first.modules["layer"]?.rank == 2 * test.rank)
        }
    }

    /// 2·8 is more than the width of either layer, which differ: 11 and 9 components are all that their products can have.
    @Test("gives the momentum of products one rank for layers of all widths, with which it is stored")
    func momentumOfNarrowLayers() throws {
        var cohort = Cohort(rank: 8)
        let updates = try (0..<3).map { try cohort.update("\($0)", rank: 8, weight: 1, of: FlexLoRA()) }
        var moments: ServerMoments?
        _ = try CohortAggregation(strategy: FlexLoRA(), optimizer: .fedAvgM())
            .nextGlobal(from: cohort.global, updates: updates, round: .first, moments: &moments)
        let momentum = try #require(moments).first
        let read = try AdapterPayload.adapter(
            from: AdapterPayload.bytes(of: momentum),
            rank: 16,
            alpha: 16,
            source: "the momentum"
        )
        #expect(read == momentum)
    }

    /// The momentum of factors does not know their basis; that of products does not depend on it.
    @Test("gives the same product in whatever gauge the aggregate is written")
    func gauge() throws {
        var cohort = Cohort(rank: 4)
        let updates = try (0..<3).map { try cohort.update("\($0)", rank: 4, weight: 1, of: FlexLoRA()) }
        let aggregate = try CohortAggregation(strategy: FlexLoRA()).nextGlobal(from: cohort.global, updates: updates)
        var other = aggregate
        for (path, module) in aggregate.modules.sorted(by: { $0.key < $1.key }) {
            other.modules[path] = module.gauged(using: &cohort.generator)
        }
        let steps = try [aggregate, other].map { target in
            var moments: ServerMoments?
            return try ServerOptimizer.fedAvgM(learningRate: 0.5)
                .step(from: cohort.global, towards: target, moments: &moments, profile: FlexLoRA().profile)
        }
        #expect(steps[0].distance(to: steps[1]) < 1e-5)
    }

    @Test("is what was combined when it has no momentum and a rate of 1", arguments: ["fedavg", "flexlora"])
    func plain(_ name: String) throws {
        let strategy = try StrategyRegistry.strategy(named: name)
        var cohort = Cohort(rank: 4)
        let updates = try (0..<3).map { try cohort.update("\($0)", rank: 4, weight: 1, of: strategy) }
        let combined = try CohortAggregation(strategy: strategy).nextGlobal(from: cohort.global, updates: updates)
        let stepped = try CohortAggregation(strategy: strategy, optimizer: .fedAvgM(momentum: 0))
            .nextGlobal(from: cohort.global, updates: updates)
        #expect(stepped.distance(to: combined) < 1e-6)
    }

    @Test("is left out, to the bit, by the name none")
    func none() throws {
        var cohort = Cohort(rank: 4)
        let updates = try (0..<3).map { try cohort.update("\($0)", rank: 4, weight: 1, of: FedAvg()) }
        let without = try CohortAggregation(strategy: FedAvg()).nextGlobal(from: cohort.global, updates: updates)
        var moments: ServerMoments?
        let with = try CohortAggregation(
            strategy: FedAvg(),
            robustRule: try RobustRegistry.rule(RobustSettings(rule: "none")),
            optimizer: try ServerOptimizerRegistry.optimizer(ServerOptimizerSettings(name: "none"))
        )
        .nextGlobal(from: cohort.global, updates: updates, round: .first, moments: &moments)
        #expect(with == without)
        #expect(moments == nil)
    }

    @Test("leaves factors that nobody sends, and their moments, as they are", arguments: optimizers)
    func frozen(_ optimizer: ServerOptimizer) throws {
        let round = try AttackedRound(of: FFALoRA(), by: { $1 })
        let aggregation = CohortAggregation(strategy: FFALoRA(), optimizer: optimizer)
        var moments: ServerMoments?
        let next = try aggregation.nextGlobal(
            from: round.global,
            updates: round.updates,
            round: .first,
            moments: &moments
        )
        for (path, module) in round.global.modules {
            #expect(next.modules[path]?.a == module.a)
            #expect(next.modules[path]?.b != module.b)
            let first = try #require(moments?.first.modules[path])
            #expect(first.a.elements.allSatisfy { $0 == 0 })
            #expect(first.b.elements.contains { $0 != 0 })
        }
    }

    @Test("continues from stored moments to the bit, with any number of threads", arguments: optimizers)
    func stored(_ optimizer: ServerOptimizer) throws {
        var cohort = Cohort(rank: 4)
        let rounds = try (0..<3).map { round in
            try (0..<3).map { try cohort.update("\(round)-\($0)", rank: 4, weight: 1, of: FedAvg()) }
        }
        var results: [LoRAAdapter] = []
        for threads in [1, 2] {
            let aggregation = CohortAggregation(strategy: FedAvg(), optimizer: optimizer, threads: threads)
            var global = cohort.global
            var moments: ServerMoments?
            for (index, updates) in rounds.enumerated() {
                let round = RoundContext(number: index + 1)
                global = try aggregation.nextGlobal(from: global, updates: updates, round: round, moments: &moments)
                guard threads == 2 else { continue }
                let stored = try JSONEncoder().encode(moments)
                moments = try JSONDecoder().decode(ServerMoments?.self, from: stored)
            }
            results.append(global)
        }
        #expect(results[0] == results[1])
    }

    @Test("refuses a step out of the range of 32-bit floats, and keeps the moments")
    func overflow() throws {
        let start = adapter([1, 2])
        var moments: ServerMoments?
        let optimizer = ServerOptimizer.fedAvgM(learningRate: 1000)
        #expect(throws: AggregationError.stepNotFinite(tensor: "layer.lora_A.weight")) {
            try optimizer.step(
                from: start,
                towards: adapter([1e37, 2]),
                moments: &moments,
                profile: FedAvg().profile
            )
        }
        #expect(moments == nil)
    }

    @Test("refuses a step of a product out of the range of 32-bit floats, and keeps the moments")
    func overflowOfProducts() throws {
        let start = LoRAAdapter(modules: adapter([1, 2]).modules)
        var moments: ServerMoments?
        #expect(throws: AggregationError.stepNotFinite(tensor: "layer")) {
            try ServerOptimizer.fedAvgM(learningRate: 1000).step(
                from: start,
                towards: LoRAAdapter(modules: adapter([1e37, 2]).modules),
                moments: &moments,
                profile: FlexLoRA().profile
            )
        }
        #expect(moments == nil)
    }

    @Test("refuses moments of coordinates where the coordinates change, with the way out")
    func combinations() throws {
        for optimizer in Self.optimizers {
            try optimizer.check(goesWith: FedAvg().profile)
        }
        try ServerOptimizer.fedAvgM().check(goesWith: FlexLoRA().profile)
        let error = #expect(throws: AggregationError.self) {
            try ServerOptimizer.fedAdam(learningRate: 1).check(goesWith: FlexLoRA().profile)
        }
        #expect(error?.description.contains("Use fedavgm") == true)
        var stacking = FlexLoRA().profile
        stacking.changesBaseModel = true
        #expect(throws: AggregationError.self) { try ServerOptimizer.fedAvgM().check(goesWith: stacking) }
    }
}
