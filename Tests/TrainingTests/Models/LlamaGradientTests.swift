import Adapters
import LinearAlgebra
import TestSupport
import Testing

@testable import Training

/// The way back stops at the lowest adapted place, so each place can be the lowest; PyTorch's fixture covers only one case.
@Suite("Llama's gradients by central differences", .tags(.numerics))
struct LlamaGradientTests {
    struct Adapted: Sendable, CustomTestStringConvertible {
        /// The ends of the paths that are adapted.
        let modules: [String]
        var dropout: Float = 0

        var testDescription: String { modules.joined(separator: ", ") + (dropout > 0 ? " with dropout" : "") }
    }

    @Test(
        "match, whichever layers are adapted",
        arguments: ["q", "k", "v", "o", "gate", "up", "down"].flatMap { name in
            [Adapted(modules: ["1.self_attn.\(name)_proj", "1.mlp.\(name)_proj"])]
                + [Adapted(modules: ["0.self_attn.\(name)_proj", "0.mlp.\(name)_proj"])]
        } + [
            Adapted(modules: ["0.mlp.gate_proj", "1.self_attn.v_proj"]),
            Adapted(modules: ["q_proj", "v_proj"]),
            Adapted(modules: ["q_proj", "v_proj"], dropout: 0.3),
            Adapted(modules: ["proj"], dropout: 0.2),
        ]
    )
    func centralDifferences(_ test: Adapted) throws {
        let llama = try TinyLlama()
        let adapter = try llama.adapter("adapter") { path in test.modules.contains { path.hasSuffix($0) } }
        #expect(!adapter.modules.isEmpty)
        var active = try llama.active(adapter)
        if test.dropout > 0 { active.dropout = .init(probability: test.dropout, seed: 5) }
        let shards = TinyLlama.shards(2)
        var pass = ShardedPass(model: llama.model, threads: 1)
        var gradient: [Float] = []
        _ = pass.run(shards, adapter: active, gradient: &gradient)

        var generator = CounterGenerator(seed: 3)
        for _ in 0..<3 {
            var direction = gradient.map { _ in Float(generator.gaussian()) }
            let norm = direction.reduce(0) { $0 + $1 * $1 }.squareRoot()
            for index in direction.indices { direction[index] /= norm }
            func loss(_ step: Float) -> Double {
                var moved = active
                for index in direction.indices { moved.parameters[index] += step * direction[index] }
                var unused: [Float] = []
                return pass.run(shards, adapter: moved, gradient: &unused)
            }
            // Truncation errors fall as h², and Richardson's extrapolation removes that term.
            let h: Float = 1 / 32
            let coarse = (loss(h) - loss(-h)) / Double(2 * h)
            let fine = (loss(h / 2) - loss(-h / 2)) / Double(h)
            let slope = (4 * fine - coarse) / 3
            let expected = zip(gradient, direction).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
            // Losses near 5 are known to some 2e-6, so slopes to 1e-4. One module's share of a slope is about 1e-1.
            #expect(abs(slope - expected) < 3e-4 * max(1, abs(expected)), "\(slope) by differences, \(expected) found")
        }
    }

    @Test("are the same, bit for bit, on any number of threads", arguments: [2, 3])
    func threads(count: Int) throws {
        let llama = try TinyLlama()
        let active = try llama.active(llama.adapter("adapter"))
        var (alone, together): ([Float], [Float]) = ([], [])
        var single = ShardedPass(model: llama.model, threads: 1)
        var several = ShardedPass(model: llama.model, threads: count)
        #expect(
            single.run(TinyLlama.shards(5), adapter: active, gradient: &alone)
                == several.run(TinyLlama.shards(5), adapter: active, gradient: &together)
        )
        #expect(alone == together)
    }
}
