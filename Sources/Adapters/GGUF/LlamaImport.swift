package import Foundation

/// Turns a Llama model of one GGUF file into a Hugging Face directory.
///
/// Weights are written as 32-bit floats: those are the dequantised values exactly, and a mapped file of them is used in
/// place. Query and key rows go back to the order in which the two halves of a head are rotated against each other.
package struct LlamaImport {
    private let file: GGUFFile
    private let layerCount: Int
    private let headCount: Int
    private let keyValueHeadCount: Int

    /// Checks that a file holds a model of the family.
    ///
    /// - Throws: ``AdapterError`` that names the key.
    package init(_ file: GGUFFile) throws(AdapterError) {
        self.file = file
        let architecture = try file.text("general.architecture")
        guard architecture == "llama" else {
            throw .unsupported(
                feature: "the architecture '\(architecture)'",
                path: file.path,
                advice: "Only models of the Llama family can be imported."
            )
        }
        if let key = Self.scalingKey(in: file) {
            throw .unsupported(
                feature: "scaled positions ('\(key)')",
                path: file.path,
                advice: "Import a model without."
            )
        }
        layerCount = try file.size("llama.block_count")
        headCount = try file.size("llama.attention.head_count")
        keyValueHeadCount = try file.size("llama.attention.head_count_kv", or: headCount)
    }

    /// The key by which a file scales positions, which changes what every layer computes; `nil` when none does.
    private static func scalingKey(in file: GGUFFile) -> String? {
        let type = "llama.rope.scaling.type"
        if let value = file.values[type], ![.text("none"), .text("linear")].contains(value) { return type }
        return ["llama.rope.scaling.factor", "llama.rope.scale_linear"].first { key in
            guard let factor = try? file.number(key, or: 1) else { return true }
            return factor != 0 && factor != 1 && file.values[type] != .text("none")
        }
    }

    /// Writes `config.json`, `model.safetensors`, `tokenizer.json` and `tokenizer_config.json`.
    ///
    /// - Throws: ``AdapterError``; nothing is left behind then.
    package func write(to folder: URL) throws(AdapterError) {
        try AtomicDirectory.checkVacancy(of: folder)
        let tokenizer = try GGUFTokenizer(file)
        let configuration = try configuration(vocabularySize: tokenizer.vocabularySize)
        let document = SafetensorsDocument(try tensors())
        try AtomicDirectory.create(at: folder) { (folder) throws(AdapterError) in
            try DurableFile.write(
                JSONValue.object(configuration).pythonText,
                to: folder.appendingPathComponent("config.json")
            )
            try DurableFile.write(tokenizer.file, to: folder.appendingPathComponent("tokenizer.json"))
            try DurableFile.write(tokenizer.configuration, to: folder.appendingPathComponent("tokenizer_config.json"))
            try DurableFile.write(document, to: folder.appendingPathComponent("model.safetensors"))
        }
    }

    // MARK: - Configuration

    private func configuration(vocabularySize: Int) throws(AdapterError) -> JSONObject {
        var configuration = JSONObject()
        configuration["architectures"] = .array([.string("LlamaForCausalLM")])
        configuration["model_type"] = .string("llama")
        configuration["hidden_act"] = .string("silu")
        configuration["torch_dtype"] = .string("float32")
        configuration["vocab_size"] = .number(vocabularySize)
        configuration["hidden_size"] = .number(try file.size("llama.embedding_length"))
        configuration["num_hidden_layers"] = .number(layerCount)
        configuration["num_attention_heads"] = .number(headCount)
        configuration["num_key_value_heads"] = .number(keyValueHeadCount)
        configuration["intermediate_size"] = .number(try file.size("llama.feed_forward_length"))
        configuration["max_position_embeddings"] = .number(try file.size("llama.context_length"))
        configuration["rms_norm_eps"] = .number(try file.number("llama.attention.layer_norm_rms_epsilon"))
        configuration["rope_theta"] = .number(try file.number("llama.rope.freq_base", or: 10_000))
        configuration["tie_word_embeddings"] = .bool(file.tensors["output.weight"] == nil)
        configuration["attention_bias"] = .bool(false)
        configuration["mlp_bias"] = .bool(false)
        for (key, name) in [("bos_token_id", "bos"), ("eos_token_id", "eos"), ("pad_token_id", "padding")] {
            guard case .integer(let id)? = file.values["tokenizer.ggml.\(name)_token_id"] else { continue }
            configuration[key] = .number(id)
        }
        return configuration
    }

    // MARK: - Weights

    /// The layers of a block, by what GGUF files call them.
    static let layerNames = [
        "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm", "attn_q": "self_attn.q_proj",
        "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
        "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
    ]

    private func tensors() throws(AdapterError) -> [SafetensorsDocument.Tensor] {
        var tensors = [
            try tensor("token_embd", as: "model.embed_tokens"), try tensor("output_norm", as: "model.norm"),
        ]
        if file.tensors["output.weight"] != nil { tensors.append(try tensor("output", as: "lm_head")) }
        for layer in 0..<layerCount {
            for (name, path) in Self.layerNames.sorted(by: { $0.key < $1.key }) {
                let heads = name == "attn_q" ? headCount : name == "attn_k" ? keyValueHeadCount : nil
                tensors.append(
                    try tensor("blk.\(layer).\(name)", as: "model.layers.\(layer).\(path)", separatingHalvesOf: heads)
                )
            }
        }
        try checkThatNothingIsLeft()
        return tensors
    }

    /// Refuses what would be left out: a model with biases or factors of its own computes something else without them.
    private func checkThatNothingIsLeft() throws(AdapterError) {
        var known: Set = ["token_embd.weight", "output_norm.weight", "output.weight"]
        for layer in 0..<layerCount {
            for name in Self.layerNames.keys { known.insert("blk.\(layer).\(name).weight") }
        }
        guard let stranger = file.tensors.keys.filter({ !known.contains($0) }).min() else { return }
        throw .unsupported(
            feature: "the tensor '\(stranger)'",
            path: file.path,
            advice: "Only plain Llama models can be imported, without biases and factors of their positions."
        )
    }

    private func tensor(
        _ name: String,
        as path: String,
        separatingHalvesOf heads: Int? = nil
    ) throws(AdapterError) -> SafetensorsDocument.Tensor {
        guard let tensor = file.tensors["\(name).weight"] else {
            throw .malformedGGUF(path: file.path, problem: "has no tensor '\(name).weight'")
        }
        var elements = file.elements(of: tensor)
        if let heads {
            guard tensor.shape.count == 2, let rows = tensor.shape.first, rows % (2 * heads) == 0 else {
                throw .malformedGGUF(
                    path: file.path,
                    problem: "'\(name).weight' of shape \(tensor.shape) has no \(heads) heads of two halves"
                )
            }
            elements = Self.separateHalves(elements, heads: heads, rows: rows, width: tensor.shape[1])
        }
        return SafetensorsDocument.Tensor(name: "\(path).weight", shape: tensor.shape, elements: elements)
    }

    /// In the file the rows of a head's halves alternate; here the first half comes before the second.
    static func separateHalves(_ elements: [Float], heads: Int, rows: Int, width: Int) -> [Float] {
        let half = rows / heads / 2
        var result: [Float] = []
        result.reserveCapacity(elements.count)
        for head in 0..<heads {
            for part in 0..<2 {
                for row in 0..<half {
                    let first = (head * 2 * half + 2 * row + part) * width
                    result += elements[first..<first + width]
                }
            }
        }
        return result
    }
}
