import Adapters
import Aggregation
import LinearAlgebra
import TestSupport
import Testing

@Suite(.tags(.numerics))
struct FLoRATests {
    @Test("folds the exact mean of the products into the base model")
    func golden() throws {
        let next = try WorkedExample.next(FLoRA(), WorkedExample.oneAlpha)
        let residual = try #require(next.residual["layer"])
        #expect(residual.product.deviation(from: [[0.5, 1.5], [1.75, 0.75], [0.75, 2.25]]) < 1e-6)
        #expect(residual.rank == 2)
    }

    @Test("starts every round from B = 0 and an A that nobody had before, the same for all")
    func fresh() throws {
        let rounds = try [1, 1, 2].map {
            try #require(
                try WorkedExample.next(FLoRA(), WorkedExample.oneAlpha, round: RoundContext(number: $0, seed: 5))
                    .modules["layer"]
            )
        }
        #expect(rounds[0] == rounds[1] && rounds[0].a != rounds[2].a)
        let reseeded = try WorkedExample.next(FLoRA(), WorkedExample.oneAlpha, round: RoundContext(number: 1, seed: 6))
        #expect(rounds[0].a != reseeded.modules["layer"]?.a)
        for module in rounds {
            #expect(module.b.frobeniusNorm == 0 && module.rank == 2 && module.alpha == 2)
            // ±1/√k with k = 2.
            #expect(module.a.elements.allSatisfy { abs($0) <= 0.70711 })
        }
    }

    @Test("draws different layers from different streams")
    func layers() throws {
        let module = WorkedExample.second(alpha: 2)
        let adapter = LoRAAdapter(modules: ["first": module, "second": module])
        let update = ClientUpdate(client: ClientID("one"), weight: 1, adapter: adapter)
        let next = try CohortAggregation(strategy: FLoRA()).nextGlobal(from: adapter, updates: [update])
        #expect(next.modules["first"]?.a != next.modules["second"]?.a)
    }

    @Test("adds up what rounds fold in")
    func rounds() throws {
        var global = try LoRAAdapter(blankFor: WorkedExample.oneAlpha)
        for number in 1...3 {
            global = try CohortAggregation(strategy: FLoRA())
                .nextGlobal(from: global, updates: WorkedExample.oneAlpha, round: RoundContext(number: number))
        }
        let residual = try #require(global.residual["layer"])
        #expect(residual.product.deviation(from: [[1.5, 4.5], [5.25, 2.25], [2.25, 6.75]]) < 3e-6)
        // It never needs more components than the layer has rows or columns.
        #expect(residual.rank == 2)
    }
}
