import Foundation
import TestSupport
import Testing

@testable import Adapters

@Suite("Importing a Llama model")
struct LlamaImportTests {
    /// Tokens of which two are canonically equivalent, as in real vocabularies.
    private static let tokens = ["<|end|>", "a", "b", "ab", "\u{C5}", "A\u{30A}"]

    /// A model of one layer: width 4, two heads that share one key, feed-forward width 3.
    private static func model(_ change: (inout GGUFBuilder) -> Void = { _ in }) -> GGUFBuilder {
        var builder = GGUFBuilder()
        for (key, value) in [
            ("block_count", 1), ("attention.head_count", 2), ("attention.head_count_kv", 1), ("embedding_length", 4),
            ("feed_forward_length", 3), ("context_length", 16),
        ] {
            builder.add("llama.\(key)", value)
        }
        builder.add("llama.attention.layer_norm_rms_epsilon", Float(0.5))
        builder.add("tokenizer.ggml.tokens", tokens)
        builder.add("tokenizer.ggml.token_type", [3, 1, 1, 1, 1, 1])
        builder.add("tokenizer.ggml.merges", ["a b"])
        builder.add("tokenizer.ggml.eos_token_id", 0)
        builder.add("tokenizer.chat_template", "{{ \"x\" }}")
        let shapes: [(String, [Int])] = [
            ("token_embd", [4, 6]), ("output_norm", [4]), ("blk.0.attn_norm", [4]), ("blk.0.ffn_norm", [4]),
            ("blk.0.attn_q", [4, 4]), ("blk.0.attn_k", [4, 2]), ("blk.0.attn_v", [4, 2]),
            ("blk.0.attn_output", [4, 4]),
            ("blk.0.ffn_gate", [4, 3]), ("blk.0.ffn_up", [4, 3]), ("blk.0.ffn_down", [3, 4]),
        ]
        for (name, dimensions) in shapes {
            let count = dimensions.reduce(1, *)
            builder.add(tensor: "\(name).weight", dimensions: dimensions, (0..<count).map(Float.init))
        }
        change(&builder)
        return builder
    }

    private static func complete(_ builder: inout GGUFBuilder) {
        builder.add("general.architecture", "llama")
        builder.add("tokenizer.ggml.model", "gpt2")
        builder.add("tokenizer.ggml.pre", "smollm")
    }

    @Test(
        "refuses what it would leave out",
        arguments: [
            "blk.0.attn_q.bias", "rope_freqs.weight", "blk.1.attn_q.weight", "llama.rope.scaling.type",
            "llama.rope.scaling.factor",
        ]
    )
    func leftOver(name: String) async throws {
        let model = Self.model { builder in
            Self.complete(&builder)
            if name.hasSuffix("type") {
                builder.add(name, "yarn")
            } else if name.hasSuffix("factor") {
                builder.add(name, Float(8))
            } else {
                builder.add(tensor: name, dimensions: [4], [1, 2, 3, 4])
            }
        }
        let file = try GGUFFile(model.bytes, path: "m.gguf")
        try await withTemporaryDirectory { folder in
            let target = folder.appendingPathComponent("model", isDirectory: true)
            let error = #expect(throws: AdapterError.self) { try LlamaImport(file).write(to: target) }
            #expect(error?.description.contains("'\(name)'") == true)
            #expect(!FileManager.default.fileExists(atPath: target.path))
        }
    }

    @Test("writes a directory of the Hugging Face layout, tied and with its tokenizer")
    func directory() async throws {
        let file = try GGUFFile(Self.model(Self.complete).bytes, path: "m.gguf")
        try await withTemporaryDirectory { folder in
            let target = folder.appendingPathComponent("model", isDirectory: true)
            try LlamaImport(file).write(to: target)
            let directory = try BaseModelDirectory(reading: target)
            guard case .llama(let configuration) = directory.configuration else {
                Issue.record("\(directory.configuration)")
                return
            }
            #expect(configuration.headWidth == 2 && configuration.keyValueHeadCount == 1)
            #expect(configuration.tiesEmbeddings && configuration.normEpsilon == 0.5)
            #expect(configuration.rotationBase == 10_000 && configuration.vocabularySize == 6)

            let tokenizer = try JSONValue(
                parsing: Array(Data(contentsOf: target.appendingPathComponent("tokenizer.json"))).span
            )
            let vocabulary = try #require(tokenizer.object?["model"]?.object?["vocab"]?.object)
            #expect(Self.tokens.map { vocabulary[$0]?.integer } == [0, 1, 2, 3, 4, 5])
            #expect(tokenizer.object?["model"]?.object?["merges"]?.strings == ["a b"])
            let settings = try JSONValue(
                parsing: Array(Data(contentsOf: target.appendingPathComponent("tokenizer_config.json"))).span
            )
            #expect(settings.object?["eos_token"]?.string == "<|end|>")
            #expect(settings.object?["chat_template"]?.string == "{{ \"x\" }}")
        }
    }

    @Test("puts the halves of each head one after the other")
    func halves() {
        // Two heads of four rows of one element, stored as first, second, first, second.
        let stored: [Float] = [0, 2, 1, 3, 4, 6, 5, 7]
        #expect(LlamaImport.separateHalves(stored, heads: 2, rows: 8, width: 1) == [0, 1, 2, 3, 4, 5, 6, 7])
    }

    @Test("names what is missing or cannot be imported, and leaves nothing behind")
    func refusals() async throws {
        let cases: [(String, (inout GGUFBuilder) -> Void)] = [
            ("has no 'general.architecture'", { _ in }),
            ("the architecture 'mamba'", { $0.add("general.architecture", "mamba") }),
            (
                "the tokenizer 'llama' with the splitter 'smollm'",
                {
                    $0.add("general.architecture", "llama")
                    $0.add("tokenizer.ggml.model", "llama")
                    $0.add("tokenizer.ggml.pre", "smollm")
                }
            ),
        ]
        for (message, change) in cases {
            try await withTemporaryDirectory { folder in
                let target = folder.appendingPathComponent("model", isDirectory: true)
                let error = #expect(throws: AdapterError.self) {
                    try LlamaImport(GGUFFile(Self.model(change).bytes, path: "m.gguf")).write(to: target)
                }
                #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
                #expect(!FileManager.default.fileExists(atPath: target.path))
            }
        }
    }
}
