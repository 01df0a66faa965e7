import LinearAlgebra
import TestSupport
import Testing

@testable import Adapters

struct InitialAdapterTests {
    private let layers = [
        LinearLayer(path: "a.query", outputWidth: 6, inputWidth: 400),
        LinearLayer(path: "b.query", outputWidth: 5, inputWidth: 100),
    ]

    @Test("leaves the base model as it is: B is zero, and so is the head's bias")
    func zero() throws {
        let head = ClassificationHead(labelCount: 3, hiddenSize: 400)
        let adapter = LoRAAdapter.initial(for: layers, rank: 8, alpha: 16, head: head, seed: 1)
        #expect(adapter.modules.values.allSatisfy { $0.b.elements.allSatisfy { $0 == 0 } })
        #expect(adapter.savedTensors["classifier.bias"] == DenseTensor(shape: [3], elements: [0, 0, 0]))
        #expect(adapter.savedTensors["classifier.weight"]?.shape == [3, 400])
        #expect(adapter.modules["b.query"]?.b.rows == 5)
        #expect(adapter.modules["b.query"]?.scaling == 2)
    }

    @Test("draws A uniformly within 1/√in and the head with the model's σ", .tags(.numerics))
    func distributions() throws {
        let head = ClassificationHead(labelCount: 5, hiddenSize: 4000, initializerRange: 0.02)
        let adapter = LoRAAdapter.initial(for: layers, rank: 64, alpha: 16, head: head, seed: 3)
        for layer in layers {
            let a = try #require(adapter.modules[layer.path]?.a.elements)
            let bound = 1 / Float(layer.inputWidth).squareRoot()
            #expect(a.allSatisfy { abs($0) <= bound })
            #expect(try #require(a.max()) > 0.99 * bound)
            // Variance of U(−b, b) is b²/3; its estimate has a relative error of 2/√(5n).
            let variance = a.reduce(0) { $0 + Double($1) * Double($1) } / Double(a.count)
            let expected = Double(bound * bound) / 3
            #expect(abs(variance / expected - 1) < 5 * 2 / (5 * Double(a.count)).squareRoot())
        }
        let weight = try #require(adapter.savedTensors["classifier.weight"]).elements
        let variance = weight.reduce(0) { $0 + Double($1) * Double($1) } / Double(weight.count)
        #expect(abs(variance / 4e-4 - 1) < 5 * (2 / Double(weight.count)).squareRoot())
    }

    @Test("draws A normally with a standard deviation of 1/r when asked for", .tags(.numerics))
    func gaussian() throws {
        let adapter = LoRAAdapter.initial(for: layers, rank: 16, alpha: 16, initialization: .gaussian, seed: 3)
        for layer in layers {
            let module = try #require(adapter.modules[layer.path])
            #expect(module.b.elements.allSatisfy { $0 == 0 })
            let count = Double(module.a.count)
            let mean = module.a.elements.reduce(0) { $0 + Double($1) } / count
            let variance = module.a.elements.reduce(0) { $0 + Double($1) * Double($1) } / count
            #expect(abs(mean) < 5 / 16 / count.squareRoot())
            #expect(abs(variance * 256 - 1) < 5 * (2 / count).squareRoot())
        }
    }

    @Test("depends on the seed and each layer's name alone")
    func streams() throws {
        let both = LoRAAdapter.initial(for: layers, rank: 4, alpha: 8, seed: 1)
        let reversed = LoRAAdapter.initial(for: layers.reversed(), rank: 4, alpha: 8, seed: 1)
        let one = LoRAAdapter.initial(for: [layers[1]], rank: 4, alpha: 8, seed: 1)
        #expect(both == reversed)
        #expect(both.modules["b.query"] == one.modules["b.query"])
        #expect(both != LoRAAdapter.initial(for: layers, rank: 4, alpha: 8, seed: 2))
        let a = try #require(both.modules["a.query"]).a.elements
        let b = try #require(both.modules["b.query"]).a.elements
        #expect(a.prefix(100).map { $0 * 20 } != b.prefix(100).map { $0 * 10 })
    }

    @Test(
        "keeps its first values for ever, so that a seed names the same adapter in every version",
        .tags(.goldenBytes)
    )
    func golden() throws {
        let adapter = LoRAAdapter.initial(
            for: layers,
            rank: 4,
            alpha: 8,
            head: ClassificationHead(labelCount: 2, hiddenSize: 3),
            seed: 1
        )
        let a = try #require(adapter.modules["a.query"]).a.elements
        let weight = try #require(adapter.savedTensors["classifier.weight"]).elements
        #expect(Array(a.prefix(3)) == goldenA)
        #expect(Array(weight.prefix(3)) == goldenWeight)
    }
}

private let goldenA: [Float] = [0.038647268, 0.034920298, -0.04209051]
private let goldenWeight: [Float] = [-0.038190477, 0.010782263, -0.0004960401]
