import Adapters
import Aggregation
import LinearAlgebra
import TestSupport
import Testing

@Suite(.tags(.numerics))
struct HetLoRATests {
    @Test("weighs by the norms of the products, 2.236 and 4, and pads with zeros")
    func golden() throws {
        let next = try WorkedExample.next(HetLoRA(), WorkedExample.unscaled)
        let module = try #require(next.modules["layer"])
        #expect(module.scaling == 1)
        #expect(module.b.deviation(from: [[0.3585702, 0.6414298], [1.3585702, 0], [0.6414298, 0.6414298]]) < 1e-6)
        #expect(module.a.deviation(from: [[1, 0.6414298], [0, 1.2828596]]) < 1e-6)
    }

    @Test("hands out the first component at rank 1")
    func truncation() throws {
        let next = try WorkedExample.next(HetLoRA(), WorkedExample.unscaled)
        let cut = try #require(try HetLoRA().adapter(forRank: 1, from: next).modules["layer"])
        #expect(cut.a.deviation(from: [[1, 0.6414298]]) < 1e-6)
        // α = 2 at rank 1 is a scale of 2, so B is halved.
        #expect((2 * cut.b).deviation(from: [[0.3585702], [1.3585702], [0.6414298]]) < 1e-6)
    }

    @Test("takes the norms with each client's own scale")
    func scales() throws {
        // ‖2·B₁A₁‖ = 4.472 and ‖B₂A₂‖ = 4.
        let next = try WorkedExample.next(HetLoRA(), WorkedExample.oneAlpha)
        let share = 20.0.squareRoot() / (20.0.squareRoot() + 4)
        let a = try #require(next.modules["layer"]).a
        #expect(a.deviation(from: [[1, 1 - share], [0, 2 * (1 - share)]]) < 1e-6)
    }

    @Test("weighs by examples where every product is zero, as in a first round without training")
    func zeros() throws {
        let modules = [1.0, 2].map { value in
            LoRAModule(a: Matrix([[Float(value), 0]]), b: Matrix(rows: 2, columns: 1), alpha: 1)
        }
        let next = try WorkedExample.next(HetLoRA(), WorkedExample.updates(modules, weights: [1, 3]))
        #expect(try #require(next.modules["layer"]).a.deviation(from: [[1.75, 0]]) < 1e-6)
    }

    @Test("keeps a component that nobody sent, which zeros in both factors would end for ever")
    func unowned() throws {
        let global = WorkedExample.second(alpha: 2)
        let update = WorkedExample.updates([WorkedExample.first(alpha: 1)], weights: [7])
        let next = try WorkedExample.next(HetLoRA(), update, from: global)
        let module = try #require(next.modules["layer"])
        #expect(module.b.deviation(from: [[1, 1], [2, 0], [0, 1]]) < 1e-6)
        #expect(module.a.deviation(from: [[1, 0], [0, 2]]) < 1e-6)
    }

    @Test("lets a client that is ten times as large count a hundred times")
    func amplification() throws {
        let modules = [Float(1), 10].map { LoRAModule(a: Matrix([[1]]), b: Matrix([[$0]]), alpha: 1) }
        let next = try WorkedExample.next(HetLoRA(), WorkedExample.updates(modules, weights: [1, 1]))
        // (1·1 + 10·10)/11, where a mean by examples gives 5.5.
        #expect(try #require(next.modules["layer"]).b.deviation(from: [[101.0 / 11]]) < 1e-5)
    }
}
