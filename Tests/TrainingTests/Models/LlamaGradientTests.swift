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
        let differences = CentralDifferences(of: &pass, on: shards, at: active, step: 1 / 32, directions: 3)
        for (measured, found) in differences.slopes {
            // Losses near 5 are known to some 2e-6, so slopes to 1e-4. One module's share of a slope is about 1e-1.
            #expect(abs(measured - found) < 3e-4 * max(1, abs(found)), "\(measured) by differences, \(found) found")
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
