import Adapters
import Aggregation
import LinearAlgebra
import TestSupport
import Testing

/// The worked example of two clients: d = 3, k = 2, α = 2; ranks 1 and 2, scales 2 and 1, one and three examples.
@Suite(.tags(.numerics))
struct FlexLoRATests {
    private let updates = WorkedExample.oneAlpha
    private let first = WorkedExample.first(alpha: 2)

    @Test("gives the golden factors at ranks 1 and 2")
    func golden() throws {
        let strategy = FlexLoRA(mode: .state)
        let global = try LoRAAdapter(blankFor: updates)
        let next = try CohortAggregation(strategy: strategy).nextGlobal(from: global, updates: updates)
        let whole = try #require(next.modules["layer"])
        #expect(
            whole.b.deviation(from: [[1.543487, -0.342997], [1.543487, 1.114741], [2.315231, -0.514496]]) < 1e-6
        )
        #expect(whole.a.deviation(from: [[0.514496, 0.857493], [0.857493, -0.514496]]) < 1e-6)
        #expect(whole.product.deviation(from: [[0.5, 1.5], [1.75, 0.75], [0.75, 2.25]]) < 1e-6)
        #expect(abs(whole.product.norm - 3.427827300) < 1e-6)

        let cut = try #require(try strategy.adapter(forRank: 1, from: next).modules["layer"])
        #expect(cut.scaling == 2)
        #expect(cut.b.deviation(from: [[0.771744], [0.771744], [1.157615]]) < 1e-6)
        #expect(cut.a.deviation(from: [[0.514496, 0.857493]]) < 1e-6)
        let residual = cut.product.relativeDistance(to: whole.product) * whole.product.norm
        #expect(abs(residual - 1.274755) < 1e-6)
        // The energy that rank 1 keeps.
        #expect(abs(1 - residual * residual / (whole.product.norm * whole.product.norm) - 0.861702) < 1e-6)
    }

    @Test("in delta mode, adds what changed to what there was")
    func delta() throws {
        // From B = 0 there is nothing to subtract: both modes agree.
        let blank = try LoRAAdapter(blankFor: updates)
        let state = try CohortAggregation(strategy: FlexLoRA(mode: .state)).nextGlobal(from: blank, updates: updates)
        let delta = try CohortAggregation(strategy: FlexLoRA(mode: .delta)).nextGlobal(from: blank, updates: updates)
        #expect(delta == state)
        // One client leaves; the other doubles what it downloaded at rank 1. The second component stays whole.
        var cut = try FlexLoRA().adapter(forRank: 1, from: delta)
        cut.modules["layer"]?.b.scale(by: 2)
        let update = ClientUpdate(client: ClientID("one"), weight: 7, adapter: cut)
        let next = try CohortAggregation(strategy: FlexLoRA(mode: .delta)).nextGlobal(from: delta, updates: [update])
        let module = try #require(next.modules["layer"])
        var generator = FactoredSum(rows: 3, columns: 2)
        generator.add(module.b, module.a, coefficient: module.scaling)
        let singularValues = try generator.truncatedSVD(rank: 2).singularValues
        #expect(abs(singularValues[0] - 2 * 3.181981) < 2e-6)
        #expect(abs(singularValues[1] - 1.274755) < 2e-6)
    }

    @Test("keeps A and clears B where the clients' products cancel")
    func cancellation() throws {
        let opposite = LoRAModule(a: first.a, b: -1 * first.b, alpha: 2)
        let global = LoRAAdapter(modules: ["layer": first])
        let updates = [first, opposite].enumerated().map {
            ClientUpdate(
                client: ClientID("\($0.offset)"),
                weight: 1,
                adapter: LoRAAdapter(modules: ["layer": $0.element])
            )
        }
        let next = try CohortAggregation(strategy: FlexLoRA(mode: .state)).nextGlobal(from: global, updates: updates)
        #expect(next.modules["layer"]?.a == first.a)
        #expect(next.modules["layer"]?.b == Matrix(rows: 3, columns: 1))
    }

    @Test("orients every component by the sign rule")
    func signs() throws {
        var cohort = Cohort(rank: 6)
        let updates = try (1...3).map { try cohort.update("\($0)", rank: 6, weight: 1, of: FlexLoRA()) }
        let next = try CohortAggregation(strategy: FlexLoRA()).nextGlobal(from: cohort.global, updates: updates)
        for module in next.modules.values {
            for component in 0..<module.rank {
                let column = (0..<module.outputWidth).map { module.b[$0, component] }
                let largest = try #require(column.max { abs($0) < abs($1) })
                #expect(largest > 0)
            }
        }
    }

    @Test(
        "multiplies B when α/r grows as the rank is cut, by √ where scaling is rank-stabilised",
        arguments: [true, false]
    )
    func rescales(_ usesRankStabilizedScaling: Bool) throws {
        let global = Cohort(rank: 8, usesRankStabilizedScaling: usesRankStabilizedScaling).global
        let whole = try #require(global.modules["layer.0.query"])
        let cut = try #require(try FlexLoRA().adapter(forRank: 2, from: global).modules["layer.0.query"])
        #expect(cut.a == whole.a.firstRows(2))
        #expect(cut.b == whole.b.firstColumns(2, scaledBy: usesRankStabilizedScaling ? 0.5 : 0.25))
        #expect(cut.alpha == whole.alpha && cut.usesRankStabilizedScaling == usesRankStabilizedScaling)
    }

    @Test("cuts only the modules whose own rank is higher")
    func rankPatterns() throws {
        var global = Cohort(rank: 8).global
        let narrow = Cohort(rank: 2).global.modules["layer.1.value"]
        global.modules["layer.1.value"] = narrow
        let cut = try FlexLoRA().adapter(forRank: 4, from: global)
        #expect(cut.modules["layer.0.query"]?.rank == 4)
        #expect(cut.modules["layer.1.value"] == narrow)
    }

    @Test("weighs a rank of 8 25 times as much as a rank of 200 at the same α")
    func oneAlpha() {
        let scales = [8, 200].map {
            LoRAModule(a: Matrix(rows: $0, columns: 1), b: Matrix(rows: 1, columns: $0), alpha: 16).scaling
        }
        #expect(scales == [2, 0.08])
    }
}
