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
        var cohort = Cohort(rank: 6)
        let update = try cohort.update("only", rank: 6, weight: 3, of: test.strategy)
        let next = try test.next(from: cohort.global, [update])
        #expect(next.distance(to: update.resident) < 1e-6)
        #expect(next.savedTensors == update.resident.savedTensors)
    }

    @Test("changes nothing when nobody trains and ranks are equal", arguments: StrategyUnderTest.all)
    func fixedPointAtEqualRanks(_ test: StrategyUnderTest) throws {
        var cohort = Cohort(rank: 4)
        let start = cohort.global
        for _ in 0..<5 {
            let updates = try (1...3).map {
                try cohort.update("client-\($0)", rank: 4, weight: Double($0), of: test.strategy, step: 0)
            }
            cohort.global = try test.next(from: cohort.global, updates)
        }
        #expect(cohort.global.distance(to: start) < 2e-6)
        #expect(cohort.global.savedTensors == start.savedTensors)
    }

    /// G = diag(2, 1), one client of rank 1 and one of rank 2, equal weights, no training.
    @Test("keeps what only some clients hold, or loses half of it every round", arguments: StrategyUnderTest.all)
    func fixedPointAtMixedRanks(_ test: StrategyUnderTest) throws {
        guard test.takesMixedRanks else { return }
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
            let product = try #require(global.modules["layer"]).product
            #expect(abs(product.elements[0] - 2) < 1e-6)
            second.append(product.elements[3])
        }
        let expected = test.isFixedPointAtMixedRanks ? [1.0, 1, 1] : [0.5, 0.25, 0.125]
        for (found, expected) in zip(second, expected) {
            #expect(abs(found - expected) < 1e-6)
        }
    }

    @Test("does not see the gauge of the factors, or is known to", arguments: StrategyUnderTest.all)
    func gauge(_ test: StrategyUnderTest) throws {
        var cohort = Cohort(rank: 8)
        let updates = try cohort.updates(for: test)
        var generator = CounterGenerator(seed: 21)
        let gauged = updates.map { update in
            var adapter = update.resident
            adapter.modules = adapter.modules.mapValues { $0.gauged(using: &generator) }
            return ClientUpdate(client: update.client, weight: update.weight, adapter: adapter)
        }
        let distance = try test.next(from: cohort.global, gauged).distance(to: test.next(from: cohort.global, updates))
        if test.seesProductsOnly {
            #expect(distance < 3e-6)
        } else {
            // The test would have no power if this did not change.
            #expect(distance > 0.1)
        }
    }

    @Test("combines exactly what its definition says where the rank suffices", arguments: StrategyUnderTest.all)
    func exact(_ test: StrategyUnderTest) throws {
        var cohort = Cohort(rank: 9)
        let updates = try cohort.updates(for: test)
        let next = try test.next(from: cohort.global, updates)
        for (path, global) in cohort.global.modules {
            // 9 columns or rows: the second module's rank is complete, the first one's is cut.
            let expected = test.oracle.product(of: path, from: global, updates)
            let found = try #require(next.modules[path])
            #expect(found.alpha == global.alpha && found.rank == global.rank)
            if min(global.outputWidth, global.inputWidth) <= global.rank {
                #expect(found.product.relativeDistance(to: expected) < 1e-6)
            }
        }
        // The head is averaged by weight.
        for index in 0..<6 {
            let mean = try updates.reduce(0.0) { sum, update in
                let head = try #require(update.resident.savedTensors["head.weight"])
                return sum + update.weight / 10 * Double(head.elements[index])
            }
            let found = try #require(next.savedTensors["head.weight"]).elements[index]
            #expect(abs(Double(found) - mean) < 1e-6)
        }
    }

    @Test("leaves out the tail of the singular values and nothing else", arguments: StrategyUnderTest.all)
    func truncation(_ test: StrategyUnderTest) throws {
        guard test.seesProductsOnly else { return }
        var cohort = Cohort(rank: 6)
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
            }
        }
    }

    @Test("hands out the whole adapter at its own rank", arguments: StrategyUnderTest.all)
    func handsOutWhole(_ test: StrategyUnderTest) throws {
        let global = Cohort(rank: 5).global
        #expect(try test.strategy.adapter(forRank: 5, from: global) == global)
        for rank in [-1, 0, 6] {
            #expect(throws: AggregationError.self) { try test.strategy.adapter(forRank: rank, from: global) }
        }
    }

    @Test("gives the same bits for any order of arrival and any number of threads", arguments: StrategyUnderTest.all)
    func determinism(_ test: StrategyUnderTest) throws {
        var cohort = Cohort(rank: 8)
        let updates = try cohort.updates(for: test)
        let expected = try test.next(from: cohort.global, updates)
        var generator = CounterGenerator(seed: 22)
        for round in 0..<24 {
            let shuffled = updates.shuffled(using: &generator)
            #expect(try test.next(from: cohort.global, shuffled, threads: 1 + round % 4) == expected)
        }
    }

    @Test("counts a client twice as one of twice the weight", arguments: StrategyUnderTest.all)
    func duplicates(_ test: StrategyUnderTest) throws {
        var cohort = Cohort(rank: 6)
        let update = try cohort.update("one", rank: 6, weight: 5, of: test.strategy)
        let copy = ClientUpdate(client: ClientID("two"), weight: 5, adapter: update.resident)
        let alone = try test.next(from: cohort.global, [update])
        #expect(try test.next(from: cohort.global, [update, copy]).distance(to: alone) < 1e-6)
    }

    @Test("does not let a client of weight 0 count", arguments: StrategyUnderTest.all)
    func weightZero(_ test: StrategyUnderTest) throws {
        var cohort = Cohort(rank: 8)
        let updates = try cohort.updates(for: test)
        let silent = try cohort.update("silent", rank: 8, weight: 0, of: test.strategy)
        #expect(try test.next(from: cohort.global, updates + [silent]) == test.next(from: cohort.global, updates))
    }

    @Test("sees the ratios of the weights alone", arguments: StrategyUnderTest.all)
    func weightScale(_ test: StrategyUnderTest) throws {
        var cohort = Cohort(rank: 8)
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
        var cohort = Cohort(rank: 4)
        let silent = try cohort.update("silent", rank: 4, weight: 0, of: test.strategy)
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
        var cohort = Cohort(rank: 9, usesRankStabilizedScaling: usesRankStabilizedScaling)
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
        #expect(try #require(next.modules["layer.1.value"]).product.relativeDistance(to: expected) < 1e-6)
    }

    @Test("leaves no component that could never be trained again", arguments: StrategyUnderTest.all)
    func noDeadComponents(_ test: StrategyUnderTest) throws {
        var cohort = Cohort(rank: 8)
        // Two copies of one rank-deficient update: the product has rank 1.
        var update = try cohort.update("one", rank: 8, weight: 1, of: test.strategy, step: 0)
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
        var cohort = Cohort(rank: 4)
        for (path, module) in cohort.global.modules {
            cohort.global.modules[path]?.b = Matrix(rows: module.outputWidth, columns: module.rank)
        }
        let updates = try cohort.updates(for: test, step: 0)
        let next = try test.next(from: cohort.global, updates)
        for (path, module) in cohort.global.modules {
            let found = try #require(next.modules[path])
            #expect(found.b == module.b)
            // A mean of equal values is equal to rounding.
            #expect((found.a - module.a).frobeniusNorm < 1e-6 * module.a.frobeniusNorm)
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
        var cohort = Cohort(rank: 1)
        cohort.global = global
        let updates = try (1...2).map {
            try cohort.update("client-\($0)", rank: 5, weight: Double($0), of: test.strategy)
        }
        let next = try test.next(from: global, updates)
        for (path, module) in global.modules {
            let expected = test.oracle.product(of: path, from: module, updates)
            let found = try #require(next.modules[path])
            #expect(found.product.relativeDistance(to: expected) < 1e-6)
            #expect(found.rank == module.rank)
        }
    }
}
