/// The shape of a Llama decoder, from its `config.json`.
package struct LlamaConfiguration: Sendable, Hashable {
    /// `vocab_size`.
    package let vocabularySize: Int
    /// `hidden_size`.
    package let hiddenSize: Int
    /// `num_hidden_layers`.
    package let layerCount: Int
    /// `num_attention_heads`: how many heads ask.
    package let headCount: Int
    /// `num_key_value_heads`, which divides the number of heads: how many keys and values they share.
    package let keyValueHeadCount: Int
    /// `head_dim`, by default `hidden_size` / `num_attention_heads`; even.
    package let headWidth: Int
    /// `intermediate_size`.
    package let intermediateSize: Int
    /// `max_position_embeddings`.
    package let maximumPositionCount: Int
    /// `rms_norm_eps`.
    package let normEpsilon: Double
    /// `rope_theta`, the base of the rotations' wave lengths.
    package let rotationBase: Double
    /// `tie_word_embeddings`: whether the embedding is also the projection to the vocabulary.
    package let tiesEmbeddings: Bool
    /// `initializer_range`, σ of new weights.
    package let initializerRange: Double

    /// Reads the keys of `config.json`.
    init(_ reader: JSONReader) throws(AdapterError) {
        self.vocabularySize = try reader.size("vocab_size")
        self.hiddenSize = try reader.size("hidden_size")
        self.layerCount = try reader.size("num_hidden_layers")
        self.headCount = try reader.size("num_attention_heads")
        self.keyValueHeadCount =
            reader.has("num_key_value_heads") ? try reader.size("num_key_value_heads") : headCount
        guard headCount % keyValueHeadCount == 0 else {
            throw .invalidValue(
                key: "num_key_value_heads",
                path: reader.path,
                needed: "a divisor of `num_attention_heads`, \(headCount)"
            )
        }
        if reader.has("head_dim") {
            self.headWidth = try reader.size("head_dim")
        } else {
            guard hiddenSize % headCount == 0 else {
                throw .invalidValue(
                    key: "num_attention_heads",
                    path: reader.path,
                    needed: "a divisor of `hidden_size`, \(hiddenSize)"
                )
            }
            self.headWidth = hiddenSize / headCount
        }
        // Two halves of a head are rotated against each other.
        guard headWidth % 2 == 0, headWidth <= 1 << 16 else {
            throw .invalidValue(key: "head_dim", path: reader.path, needed: "even and at most \(1 << 16)")
        }
        self.intermediateSize = try reader.size("intermediate_size")
        self.maximumPositionCount = try reader.size("max_position_embeddings")
        self.normEpsilon = try reader.require("rms_norm_eps") { (key) throws(AdapterError) in try reader.number(key) }
        guard normEpsilon > 0 else { throw .invalidValue(key: "rms_norm_eps", path: reader.path, needed: "above 0") }
        self.rotationBase = try Self.rotationBase(reader)
        self.tiesEmbeddings = try reader.bool("tie_word_embeddings") ?? false
        self.initializerRange = try reader.number("initializer_range") ?? 0.02

        let activation = try reader.string("hidden_act") ?? "silu"
        guard activation == "silu" else {
            throw .unsupported(
                feature: "`hidden_act` \(quoted(activation))",
                path: reader.path,
                advice: "Use a Llama model with 'silu'."
            )
        }
        for key in ["attention_bias", "mlp_bias"] where try reader.bool(key) ?? false {
            throw .unsupported(
                feature: "`\(key)`",
                path: reader.path,
                advice: "Use a Llama model whose linear layers have no bias."
            )
        }
    }

    /// Reads the base of the rotations: a key of its own, or one of `rope_parameters` since version 5 of transformers.
    private static func rotationBase(_ reader: JSONReader) throws(AdapterError) -> Double {
        var base = try reader.number("rope_theta")
        for key in ["rope_parameters", "rope_scaling"] {
            guard let parameters = try reader.object(key) else { continue }
            let type = try parameters.string(parameters.has("rope_type") ? "rope_type" : "type") ?? "default"
            guard type == "default" else {
                throw .unsupported(
                    feature: "`\(key)` of type \(quoted(type))",
                    path: reader.path,
                    advice: "Use a model whose positions are not scaled."
                )
            }
            base = try parameters.number("rope_theta") ?? base
        }
        let found = base ?? 10_000
        guard found > 1 else { throw .invalidValue(key: "rope_theta", path: reader.path, needed: "above 1") }
        return found
    }

    /// The decoder's linear layers in the order of the forward pass, without the model's name before them.
    var linearLayers: [LinearLayer] {
        let (hidden, wide) = (hiddenSize, intermediateSize)
        let (asking, held) = (headCount * headWidth, keyValueHeadCount * headWidth)
        let shapes = [
            ("self_attn.q_proj", asking, hidden), ("self_attn.k_proj", held, hidden),
            ("self_attn.v_proj", held, hidden), ("self_attn.o_proj", hidden, asking),
            ("mlp.gate_proj", wide, hidden), ("mlp.up_proj", wide, hidden), ("mlp.down_proj", hidden, wide),
        ]
        return (0..<layerCount).flatMap { index in
            shapes.map { name, outputWidth, inputWidth in
                LinearLayer(path: "layers.\(index).\(name)", outputWidth: outputWidth, inputWidth: inputWidth)
            }
        }
    }
}
