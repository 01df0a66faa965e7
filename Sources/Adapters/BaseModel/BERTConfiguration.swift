/// The shape of a BERT encoder, from its `config.json`.
package struct BERTConfiguration: Sendable, Hashable {
    /// `vocab_size`.
    package let vocabularySize: Int
    /// `hidden_size`.
    package let hiddenSize: Int
    /// `num_hidden_layers`.
    package let layerCount: Int
    /// `num_attention_heads`, which divides the hidden size.
    package let headCount: Int
    /// `intermediate_size`.
    package let intermediateSize: Int
    /// `max_position_embeddings`.
    package let maximumPositionCount: Int
    /// `type_vocab_size`.
    package let tokenTypeCount: Int
    /// `layer_norm_eps`.
    package let layerNormEpsilon: Double
    /// `pad_token_id`.
    package let paddingToken: Int
    /// `initializer_range`, σ of new weights.
    package let initializerRange: Double
    /// `hidden_dropout_prob`.
    package let hiddenDropout: Double
    /// `attention_probs_dropout_prob`.
    package let attentionDropout: Double

    /// Reads the keys of `config.json`.
    init(_ reader: JSONReader) throws(AdapterError) {
        func share(_ key: String) throws(AdapterError) -> Double {
            let value = try reader.number(key) ?? 0.1
            guard 0..<1 ~= value else {
                throw .invalidValue(key: key, path: reader.path, needed: "at least 0 and below 1")
            }
            return value
        }
        self.vocabularySize = try reader.size("vocab_size")
        self.hiddenSize = try reader.size("hidden_size")
        self.layerCount = try reader.size("num_hidden_layers")
        self.headCount = try reader.size("num_attention_heads")
        guard hiddenSize % headCount == 0 else {
            throw .invalidValue(
                key: "num_attention_heads",
                path: reader.path,
                needed: "a divisor of `hidden_size`, \(hiddenSize)"
            )
        }
        self.intermediateSize = try reader.size("intermediate_size")
        self.maximumPositionCount = try reader.size("max_position_embeddings")
        self.tokenTypeCount = try reader.size("type_vocab_size")
        self.layerNormEpsilon = try reader.require("layer_norm_eps") { (key) throws(AdapterError) in
            try reader.number(key)
        }
        guard layerNormEpsilon > 0 else {
            throw .invalidValue(key: "layer_norm_eps", path: reader.path, needed: "above 0")
        }
        self.paddingToken = try reader.count("pad_token_id") ?? 0
        self.initializerRange = try reader.number("initializer_range") ?? 0.02
        self.hiddenDropout = try share("hidden_dropout_prob")
        self.attentionDropout = try share("attention_probs_dropout_prob")

        for (key, supported) in [("hidden_act", "gelu"), ("position_embedding_type", "absolute")] {
            let value = try reader.string(key) ?? supported
            guard value == supported else {
                throw .unsupported(
                    feature: "`\(key)` \(quoted(value))",
                    path: reader.path,
                    advice: "Use a BERT model with \(quoted(supported))."
                )
            }
        }
    }

    /// The encoder's linear layers in the order of the forward pass, without the model's name before them.
    var linearLayers: [LinearLayer] {
        let (hidden, intermediate) = (hiddenSize, intermediateSize)
        var layers = (0..<layerCount).flatMap { index in
            ["attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"].map {
                LinearLayer(path: "encoder.layer.\(index).\($0)", outputWidth: hidden, inputWidth: hidden)
            } + [
                LinearLayer(
                    path: "encoder.layer.\(index).intermediate.dense",
                    outputWidth: intermediate,
                    inputWidth: hidden
                ),
                LinearLayer(path: "encoder.layer.\(index).output.dense", outputWidth: hidden, inputWidth: intermediate),
            ]
        }
        layers.append(LinearLayer(path: "pooler.dense", outputWidth: hidden, inputWidth: hidden))
        return layers
    }
}
