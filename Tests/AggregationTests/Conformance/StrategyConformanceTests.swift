import Adapters
import Aggregation
import Foundation
import LinearAlgebra
import TestSupport
import Testing

/// What every strategy must do, whatever it combines.
///
/// Tolerances: factors are 32-bit, 6e-8 a rounding, and a product of two rounded factors is off by a few of them.
@Suite(.tags(.numerics))
struct StrategyConformanceTests {
    init() {
        BLASThreads.useCallingThreadOnly()
    }

    @Test("gives one client back what it handed in", arguments: StrategyUnderTest.all)
    func oneClient(_ test: StrategyUnderTest) throws {
        var cohort = try Cohort(rank: 6, for: test)
        let update = try cohort.update("only", rank: 6, weight: 3, of: test.strategy, round: test.round)
        let next = try test.next(from: cohort.global, [update])
        #expect(next.distance(to: update.resident) < 1e-6)
        let averages = test.strategy.profile.savedTensors == .averaged
        #expect(next.savedTensors == (averages ? update.resident : cohort.global).savedTensors)
    }

    @Test("changes nothing when nobody trains and ranks are equal", arguments: StrategyUnderTest.all)
    func fixedPointAtEqualRanks(_ test: StrategyUnderTest) throws {
        var cohort = try Cohort(rank: 4, for: test)
        let start = cohort.global
        for _ in 0..<5 {
            let updates = try (1...3).map {
                try cohort.update(
                    "client-\($0)",
                    rank: 4,
                    weight: Double($0),
                    of: test.strategy,
                    round: test.round,
                    step: 0
                )
            }
            cohort.global = try test.next(from: cohort.global, updates)
        }
        #expect(cohort.global.distance(to: start) < 2e-6)
        #expect(cohort.global.savedTensors == start.savedTensors)
    }

    /// G = diag(2, 1), one client of rank 1 and one of rank 2, equal weights, no training.
    @Test(
        "keeps what only some clients hold, or is known to lose some of it every round",
        arguments: StrategyUnderTest.all.filter(\.takesMixedRanks)
    )
    func fixedPointAtMixedRanks(_ test: StrategyUnderTest) throws {
        let module = LoRAModule(a: Matrix([[1, 0], [0, 1]]), b: Matrix([[2, 0], [0, 1]]), alpha: 2)
        var global = LoRAAdapter(modules: ["layer": module])
        var second: [Double] = []
        for _ in 0..<3 {
            let updates = try [1, 2].map { rank in
                ClientUpdate(
                    client: ClientID("rank-\(rank)"),
                    weight: 1,
                    adapter: try test.strategy.adapter(forRank: rank, from: global)
                )
            }
            global = try test.next(from: global, updates)
            let product = try #require(global.change(at: "layer"))
            #expect(abs(product.elements[0] - 2) < 1e-6)
            second.append(product.elements[3])
        }
        for (found, expected) in zip(second, test.secondComponent) {
            #expect(abs(found - expected) < 1e-6)
        }
    }

    @Test("does not see the gauge of the factors, or is known to", arguments: StrategyUnderTest.all)
    func gauge(_ test: StrategyUnderTest) throws {
        var cohort = try Cohort(rank: 8, for: test)
        let updates = try cohort.updates(for: test)
        var generator = CounterGenerator(seed: 21)
        let gauged = updates.map { update in
            var adapter = update.resident
            adapter.modules = adapter.modules.mapValues { $0.gauged(using: &generator) }
            return ClientUpdate(client: update.client, weight: update.weight, adapter: adapter)
        }
        let expected = try test.next(from: cohort.global, updates)
        switch test.gauge {
        case .unseen:
            #expect(try test.next(from: cohort.global, gauged).distance(to: expected) < 3e-6)
        case .seen:
            // The test would have no power if this did not change.
            #expect(try test.next(from: cohort.global, gauged).distance(to: expected) > 0.1)
        case .refused:
            let frozen = test.trained.includesA ? "lora_B" : "lora_A"
            let client = updates[0].client
            #expect(
                throws: AggregationError.frozenFactorDiffers(client: client, tensor: "layer.0.query.\(frozen).weight")
            ) {
                try test.next(from: cohort.global, gauged)
            }
        }
    }

    @Test("combines exactly what its definition says where the rank suffices", arguments: StrategyUnderTest.all)
    func exact(_ test: StrategyUnderTest) throws {
        var cohort = try Cohort(rank: 9, for: test)
        let updates = try cohort.updates(for: test)
        let next = try test.next(from: cohort.global, updates)
        for (path, global) in cohort.global.modules {
            let expected = test.oracle.product(of: path, from: global, updates)
            let found = try #require(next.modules[path])
            #expect(found.alpha == global.alpha && found.rank == global.rank)
            // 9 columns or rows: the second module's rank is complete, the first one's is cut.
            if !test.cutsProducts || min(global.outputWidth, global.inputWidth) <= global.rank {
                #expect(try #require(next.change(at: path)).relativeDistance(to: expected) < 1e-6)
            }
        }
        guard test.strategy.profile.savedTensors == .averaged else {
            #expect(next.savedTensors == cohort.global.savedTensors)
            return
        }
        for index in 0..<6 {
            let mean = try updates.reduce(0.0) { sum, update in
                let head = try #require(update.resident.savedTensors["head.weight"])
                return sum + update.weight / 10 * Double(head.elements[index])
            }
            let found = try #require(next.savedTensors["head.weight"]).elements[index]
            #expect(abs(Double(found) - mean) < 1e-6)
        }
    }

    @Test(
        "leaves out the tail of the singular values and nothing else",
        arguments: StrategyUnderTest.all.filter(\.cutsProducts)
    )
    func truncation(_ test: StrategyUnderTest) throws {
        var cohort = try Cohort(rank: 6, for: test)
        let updates = try cohort.updates(for: test)
        let next = try test.next(from: cohort.global, updates)
        for (path, global) in cohort.global.modules {
            let exact = test.oracle.product(of: path, from: global, updates)
            let dense = Matrix(rows: exact.rows, columns: exact.columns, elements: exact.elements.map(Float.init))
            let singularValues = try SingularValueDecomposition(of: dense).singularValues
            for rank in 1...6 {
                let handedOut = try test.strategy.adapter(forRank: rank, from: next)
                let found = try #require(handedOut.modules[path])
                #expect(found.rank == rank)
                let error = found.product.relativeDistance(to: exact) * exact.norm
                let tail = singularValues.dropFirst(rank).reduce(0) { $0 + $1 * $1 }.squareRoot()
                #expect(abs(error - tail) < 2e-6 * exact.norm)
                // No other product of that rank is closer.
                for _ in 0..<20 {
                    var other = found
                    other.a.add(Matrix(gaussian: rank, found.inputWidth, using: &cohort.generator, scale: 0.01))
                    other.b.add(Matrix(gaussian: found.outputWidth, rank, using: &cohort.generator, scale: 0.01))
                    #expect(other.product.relativeDistance(to: exact) * exact.norm > error)
                }
            }
        }
    }

    @Test("hands out the whole adapter at its own rank", arguments: StrategyUnderTest.all)
    func handsOutWhole(_ test: StrategyUnderTest) throws {
        let global = try Cohort(rank: 5, for: test).global
        #expect(try test.strategy.adapter(forRank: 5, from: global) == global)
        for rank in [-1, 0, 6] {
            #expect(throws: AggregationError.self) { try test.strategy.adapter(forRank: rank, from: global) }
        }
    }

    @Test("gives the same bits for 1,000 orders of arrival, on one thread and two", arguments: StrategyUnderTest.all)
    func determinism(_ test: StrategyUnderTest) throws {
        var cohort = try Cohort(rank: 4, for: test)
        let updates = try cohort.updates(for: test)
        let expected = try test.next(from: cohort.global, updates)
        var generator = CounterGenerator(seed: 22)
        var differing = 0
        for order in 0..<1_000 {
            let shuffled = updates.shuffled(using: &generator)
            if try test.next(from: cohort.global, shuffled, threads: 1 + order % 2) != expected { differing += 1 }
        }
        #expect(differing == 0)
    }

    @Test("counts a client twice as one of twice the weight", arguments: StrategyUnderTest.all)
    func duplicates(_ test: StrategyUnderTest) throws {
        var cohort = try Cohort(rank: 6, for: test)
        let update = try cohort.update("one", rank: 6, weight: 5, of: test.strategy, round: test.round)
        let copy = ClientUpdate(client: ClientID("two"), weight: 5, adapter: update.resident)
        let alone = try test.next(from: cohort.global, [update])
        #expect(try test.next(from: cohort.global, [update, copy]).distance(to: alone) < 1e-6)
    }

    @Test("does not let a client of weight 0 count", arguments: StrategyUnderTest.all)
    func weightZero(_ test: StrategyUnderTest) throws {
        var cohort = try Cohort(rank: 8, for: test)
        let updates = try cohort.updates(for: test)
        let silent = try cohort.update("silent", rank: 8, weight: 0, of: test.strategy, round: test.round)
        #expect(try test.next(from: cohort.global, updates + [silent]) == test.next(from: cohort.global, updates))
    }

    @Test("sees the ratios of the weights alone", arguments: StrategyUnderTest.all)
    func weightScale(_ test: StrategyUnderTest) throws {
        var cohort = try Cohort(rank: 8, for: test)
        let updates = try cohort.updates(for: test)
        let expected = try test.next(from: cohort.global, updates)
        for scale in [10, 1e-9, 1e12] {
            let scaled = updates.map {
                ClientUpdate(client: $0.client, weight: scale * $0.weight, adapter: $0.resident)
            }
            #expect(try test.next(from: cohort.global, scaled).distance(to: expected) < 1e-6)
        }
    }

    @Test("needs a positive weight", arguments: StrategyUnderTest.all)
    func noWeight(_ test: StrategyUnderTest) throws {
        var cohort = try Cohort(rank: 4, for: test)
        let silent = try cohort.update("silent", rank: 4, weight: 0, of: test.strategy, round: test.round)
        #expect(throws: AggregationError.nothingToAggregate) { try test.next(from: cohort.global, [silent]) }
        #expect(throws: AggregationError.nothingToAggregate) { try test.next(from: cohort.global, []) }
        for weight in [-1, .nan, .infinity] as [Double] {
            let update = ClientUpdate(client: ClientID("odd"), weight: weight, adapter: silent.resident)
            #expect {
                try test.next(from: cohort.global, [update])
            } throws: { error in
                guard case AggregationError.invalidWeight(ClientID("odd"), _) = error else { return false }
                return true
            }
        }
    }

    @Test(
        "weighs products by the scale that each client trained with",
        arguments: StrategyUnderTest.all,
        [true, false]
    )
    func scales(_ test: StrategyUnderTest, _ usesRankStabilizedScaling: Bool) throws {
        var cohort = try Cohort(rank: 9, usesRankStabilizedScaling: usesRankStabilizedScaling, for: test)
        var updates = try cohort.updates(for: test)
        // One client with an α of its own.
        var adapter = updates[1].resident
        adapter.modules = adapter.modules.mapValues { module in
            var module = module
            module.alpha = 5
            return module
        }
        updates[1] = ClientUpdate(client: updates[1].client, weight: updates[1].weight, adapter: adapter)
        let next = try test.next(from: cohort.global, updates)
        let global = try #require(cohort.global.modules["layer.1.value"])
        let expected = test.oracle.product(of: "layer.1.value", from: global, updates)
        #expect(try #require(next.change(at: "layer.1.value")).relativeDistance(to: expected) < 1e-6)
    }

    @Test("changes the model by c times as much where every α is c times as large", arguments: StrategyUnderTest.all)
    func alphaInProportionToRank(_ test: StrategyUnderTest) throws {
        var cohort = try Cohort(rank: 8, for: test)
        let updates = try cohort.updates(for: test)
        /// α = c·r, module by module: every scale is c.
        func scaled(_ adapter: LoRAAdapter, by c: Double) -> LoRAAdapter {
            var adapter = adapter
            for (path, module) in adapter.modules { adapter.modules[path]?.alpha = c * Double(module.rank) }
            return adapter
        }
        let results = try [1.0, 3].map { c in
            // What a client of a lower rank was handed is cut anew, and a frozen factor with it.
            let global = scaled(cohort.global, by: c)
            return try test.next(
                from: global,
                updates.map { $0.replacingAdapter(by: scaled($0.resident, by: c)) }
            )
        }
        for path in cohort.global.modules.keys {
            var once = try #require(results[0].change(at: path))
            once.elements = once.elements.map { 3 * $0 }
            #expect(try #require(results[1].change(at: path)).relativeDistance(to: once) < 2e-6)
        }
    }

    @Test("leaves no component that could never be trained again", arguments: StrategyUnderTest.all)
    func noDeadComponents(_ test: StrategyUnderTest) throws {
        var cohort = try Cohort(rank: 8, for: test)
        // Two copies of one rank-deficient update: the product has rank 1.
        var update = try cohort.update("one", rank: 8, weight: 1, of: test.strategy, round: test.round, step: 0)
        var adapter = update.resident
        for (path, module) in adapter.modules {
            let b = module.b.firstColumns(1).scalingColumns(by: [1], paddedTo: 8)
            adapter.modules[path]?.b = b
            cohort.global.modules[path]?.b = b
        }
        update = ClientUpdate(client: update.client, weight: 1, adapter: adapter)
        let copy = ClientUpdate(client: ClientID("two"), weight: 1, adapter: adapter)
        let next = try test.next(from: cohort.global, [update, copy])
        #expect(next.distance(to: adapter) < 1e-6)
        for module in next.modules.values {
            for component in 0..<8 {
                let row = (0..<module.inputWidth).contains { module.a[component, $0] != 0 }
                let column = (0..<module.outputWidth).contains { module.b[$0, component] != 0 }
                #expect(row || column)
            }
        }
    }

    @Test("starts from B = 0 and stays there while nobody trains", arguments: StrategyUnderTest.all)
    func zeroProduct(_ test: StrategyUnderTest) throws {
        var cohort = try Cohort(rank: 4, for: test)
        for (path, module) in cohort.global.modules {
            if module.core == nil {
                cohort.global.modules[path]?.b = Matrix(rows: module.outputWidth, columns: module.rank)
            } else {
                cohort.global.modules[path]?.core = Matrix(rows: module.rank, columns: module.rank)
            }
        }
        let updates = try (1...3).map {
            try cohort.update("\($0)", rank: 4, weight: 1, of: test.strategy, round: test.round, step: 0)
        }
        let next = try test.next(from: cohort.global, updates)
        for (path, module) in cohort.global.modules {
            let found = try #require(next.modules[path])
            #expect(found.b == module.b && found.core == module.core)
            #expect(try #require(next.change(at: path)).norm == 0)
            if test.strategy.profile.changesBaseModel, test.strategy.profile.rebasesFactors {
                // A fresh A, for a fresh round.
                #expect(found.a != module.a && found.a.frobeniusNorm > 0)
            } else {
                // A mean of equal values is equal to rounding.
                #expect((found.a - module.a).frobeniusNorm < 1e-6 * module.a.frobeniusNorm)
            }
        }
    }

    @Test("takes layers of one row or one column, and ranks larger than the layer", arguments: StrategyUnderTest.all)
    func oddShapes(_ test: StrategyUnderTest) throws {
        var generator = CounterGenerator(seed: 23)
        let shapes = [("row", 1, 7, 1), ("column", 7, 1, 1), ("narrow", 3, 2, 5), ("flat", 2, 9, 5)]
        var global = LoRAAdapter(modules: [:])
        for (path, rows, columns, rank) in shapes {
            global.modules[path] = LoRAModule(
                a: Matrix(gaussian: rank, columns, using: &generator),
                b: Matrix(gaussian: rows, rank, using: &generator),
                alpha: 2
            )
        }
        global = try test.strategy.start(from: global, seed: 23)
        var cohort = Cohort(global: global, generator: generator)
        let updates = try (1...2).map {
            try cohort.update("client-\($0)", rank: 5, weight: Double($0), of: test.strategy, round: test.round)
        }
        let next = try test.next(from: global, updates)
        for (path, module) in global.modules {
            let expected = test.oracle.product(of: path, from: module, updates)
            let found = try #require(next.modules[path])
            #expect(try #require(next.change(at: path)).relativeDistance(to: expected) < 1e-6)
            #expect(found.rank == module.rank)
        }
    }

    @Test("takes singular values that repeat", arguments: StrategyUnderTest.all)
    func repeatedSingularValues(_ test: StrategyUnderTest) throws {
        var identity = Matrix(rows: 5, columns: 5)
        for index in 0..<5 { identity[index, index] = 1 }
        let start = LoRAAdapter(modules: ["layer": LoRAModule(a: identity, b: identity, alpha: 10)])
        var cohort = Cohort(
            global: try test.strategy.start(from: start, seed: 24),
            generator: CounterGenerator(seed: 24)
        )
        let updates = try (1...3).map {
            try cohort.update("\($0)", rank: 5, weight: 1, of: test.strategy, round: test.round, step: 0)
        }
        #expect(try test.next(from: cohort.global, updates).distance(to: start) < 1e-6)
    }
}
