import Adapters
import Foundation
import LinearAlgebra
import TestSupport
import Testing

@testable import Training

@Suite("Llama against PyTorch and PEFT", .tags(.numerics))
struct LlamaModelTests {
    let llama: TinyLlama

    init() throws { llama = try TinyLlama() }

    @Test("finds the loss of each text, whether packed together or alone")
    func losses() throws {
        let adapter = try llama.active(llama.adapter("adapter"))
        let expected = try llama.floats("losses")
        var worker = llama.model.worker(recording: false)
        let together = worker.judge(TinyLlama.packed(), adapter: adapter)
        var first = 0
        for (index, text) in TinyLlama.texts.enumerated() {
            let losses = expected[first..<first + text.count - 1]
            first += losses.count
            guard case .nextTokens(let loss, let count) = together[index] else {
                Issue.record("\(together[index]) is no language modelling")
                return
            }
            #expect(count == losses.count)
            // Losses of up to 20 are known to 1e-6 each; the longest text sums 149 of them.
            #expect(abs(loss - losses.reduce(0) { $0 + Double($1) }) < 2e-5 * Double(max(count, 5)))
            // Buffers that have held larger texts must not shine through. The last bits may differ: products of few rows
            // take another kernel.
            guard case .nextTokens(let alone, count)? = worker.judge(TinyLlama.packed([text]), adapter: adapter).first
            else {
                Issue.record("text \(index) has another number of tokens alone")
                return
            }
            #expect(abs(alone - loss) < 1e-6 * loss)
        }
    }

    @Test("finds every next token's loss", arguments: [nil, Float(1)])
    func tokenLosses(weight: Float?) throws {
        let adapter = try llama.active(llama.adapter("adapter"))
        let expected = try llama.floats("losses")
        var workspace = LlamaWorkspace(llama.model, recording: true)
        llama.model.run(
            TinyLlama.packed(),
            adapter: BatchAdapter(adapter, over: TinyLlama.packed()),
            in: &workspace
        )
        let hidden = workspace.hidden[2]
        llama.model.head.run(on: TinyLlama.packed(), hidden: hidden, weight: weight, scratch: &workspace.prediction)
        #expect(relativeDifference(workspace.prediction.losses.map { Float($0) }, expected) < 1e-5)
    }

    @Test("finds the loss and the gradient of every adapted layer", arguments: [1, 2, 3, 5])
    func gradients(shards: Int) throws {
        let adapter = try llama.active(llama.adapter("adapter"))
        var gradient: [Float] = []
        var pass = ShardedPass(model: llama.model, threads: 2)
        let loss = pass.run(TinyLlama.shards(shards), adapter: adapter, gradient: &gradient)
        #expect(abs(Float(loss) - (try llama.floats("loss")[0])) < 5e-6)

        let found = adapter.layout.adapter(from: gradient)
        let expected = try llama.adapter("gradient")
        #expect(Set(found.modules.keys) == Set(expected.modules.keys))
        #expect(found.modules.count == 14)
        for (path, module) in expected.modules {
            // The largest gradients are near 1, of sums over 175 tokens in 32 bits.
            #expect(relativeDifference(found.modules[path]?.a.elements ?? [], module.a.elements) < 5e-6, "\(path) A")
            #expect(relativeDifference(found.modules[path]?.b.elements ?? [], module.b.elements) < 5e-6, "\(path) B")
        }
    }

    @Test("projects with the embedding where the configuration ties the two")
    func tied() async throws {
        try await withCopy(of: ["model.safetensors"]) { folder in
            let text = try String(contentsOf: Fixture.url("tiny-llama/config.json"), encoding: .utf8)
            try text.replacingOccurrences(of: #""tie_word_embeddings": false"#, with: #""tie_word_embeddings": true"#)
                .write(to: folder.appendingPathComponent("config.json"), atomically: true, encoding: .utf8)
            let model = try TinyLlama.model(at: folder)
            let layout = try AdapterLayout(
                adapter: llama.adapter("adapter"),
                model: model.adaptable,
                labelCount: 0
            )
            let active = ActiveAdapter(layout: layout, parameters: layout.flatten(try llama.adapter("adapter")))
            var worker = model.worker(recording: false)
            let outputs = worker.judge(TinyLlama.packed(), adapter: active)
            let (loss, count) = outputs.reduce((0.0, 0)) { sum, output in
                guard case .nextTokens(let loss, let count) = output else { return sum }
                return (sum.0 + loss, sum.1 + count)
            }
            #expect(abs(Float(loss / Double(count)) - (try llama.floats("tied_loss")[0])) < 5e-6)
        }
    }

    @Test("reads weights of 16 bits as the numbers that they are", arguments: [SafetensorsElementType.bf16, .f16])
    func halves(type: SafetensorsElementType) async throws {
        let original = try SafetensorsFile(path: Fixture.url("tiny-llama/model.safetensors").path)
        func loss(writing type: SafetensorsElementType, rounded: SafetensorsElementType) async throws -> [TextOutput] {
            try await withCopy(of: ["config.json"]) { folder in
                let rounding = SafetensorsDocument(
                    try original.tensors.map {
                        SafetensorsDocument.Tensor(
                            name: $0.name,
                            shape: $0.shape,
                            elements: try original.floats(of: $0),
                            elementType: rounded
                        )
                    }
                )
                let halves = try SafetensorsFile(bytes: rounding.bytes(), source: "rounded")
                let document = SafetensorsDocument(
                    try halves.tensors.map {
                        SafetensorsDocument.Tensor(
                            name: $0.name,
                            shape: $0.shape,
                            elements: try halves.floats(of: $0),
                            elementType: type
                        )
                    }
                )
                try Data(document.bytes()).write(to: folder.appendingPathComponent("model.safetensors"))
                var worker = try TinyLlama.model(at: folder).worker(recording: false)
                return worker.judge(TinyLlama.packed(), adapter: try llama.active(llama.adapter("adapter")))
            }
        }
        let found = try await loss(writing: type, rounded: type)
        #expect(try await found == loss(writing: .f32, rounded: type))
    }

    @Test("folds low-rank changes into its weights")
    func folding() throws {
        let adapter = try llama.adapter("adapter")
        let none = try llama.active(LoRAAdapter(modules: [:]))
        var adapted = llama.model.worker(recording: false)
        var folded = try llama.model.folding(adapter.modules).worker(recording: false)
        let expected = adapted.judge(TinyLlama.packed(), adapter: try llama.active(adapter))
        for (found, expected) in zip(folded.judge(TinyLlama.packed(), adapter: none), expected) {
            guard case .nextTokens(let loss, _) = found, case .nextTokens(let other, _) = expected else { return }
            #expect(abs(loss - other) < 1e-5 * max(1, other))
        }
        let stray = ["model.layers.2.mlp.up_proj": try #require(adapter.modules["model.layers.1.mlp.up_proj"])]
        let error = #expect(throws: TrainingError.self) { try llama.model.folding(stray) }
        #expect(error?.description.contains("model.layers.2.mlp.up_proj") == true)
    }

    @Test("names the tensor that does not fit the configuration, and the key that makes no sense")
    func refusals() async throws {
        func message(replacing key: String, with other: String) async throws -> String {
            try await withCopy(of: ["model.safetensors"]) { folder in
                let text = try String(contentsOf: Fixture.url("tiny-llama/config.json"), encoding: .utf8)
                let changed = text.replacingOccurrences(of: key, with: other)
                #expect(changed != text)
                let file = folder.appendingPathComponent("config.json")
                try changed.write(to: file, atomically: true, encoding: .utf8)
                do {
                    _ = try TinyLlama.model(at: folder)
                    return "nothing was refused"
                } catch {
                    return "\(error)"
                }
            }
        }
        #expect(
            try await message(replacing: #""vocab_size": 61"#, with: #""vocab_size": 62"#).contains(
                "model.embed_tokens"
            )
        )
        #expect(
            try await message(replacing: #""num_key_value_heads": 2"#, with: #""num_key_value_heads": 4"#)
                .contains("model.layers.0.self_attn.k_proj.weight")
        )
        #expect(
            try await message(replacing: #""num_key_value_heads": 2"#, with: #""num_key_value_heads": 3"#)
                .contains("a divisor of `num_attention_heads`")
        )
        #expect(try await message(replacing: #""head_dim": 8"#, with: #""head_dim": 7"#).contains("'head_dim'"))
        #expect(try await message(replacing: #""rms_norm_eps": 1e-05,"#, with: "").contains("rms_norm_eps"))
        #expect(
            try await message(replacing: #""hidden_act": "silu""#, with: #""hidden_act": "gelu""#).contains(
                "hidden_act"
            )
        )
        #expect(try await message(replacing: #""mlp_bias": false"#, with: #""mlp_bias": true"#).contains("mlp_bias"))
        #expect(
            try await message(replacing: #""rope_type": "default""#, with: #""rope_type": "llama3""#).contains(
                "rope_parameters"
            )
        )
        #expect(
            try await message(replacing: #""num_hidden_layers": 2"#, with: #""num_hidden_layers": 3"#)
                .contains("layers.2.self_attn.q_proj.weight")
        )
    }

    /// Copies some files of the fixture into a folder that is removed afterwards.
    private func withCopy<Result>(of files: [String], _ body: (URL) throws -> Result) async throws -> Result {
        try await withTemporaryDirectory { folder in
            for file in files {
                try FileManager.default.copyItem(
                    at: Fixture.url("tiny-llama/\(file)"),
                    to: folder.appendingPathComponent(file)
                )
            }
            return try body(folder)
        }
    }
}
