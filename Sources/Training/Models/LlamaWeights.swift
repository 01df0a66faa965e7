import Adapters

/// Finds a Llama model's parameters by their names in the task model.
///
/// Matrices stay in the mapped file; the few vectors are copied.
struct LlamaWeights {
    let directory: BaseModelDirectory
    let configuration: LlamaConfiguration

    /// A matrix with a row for each token of the vocabulary.
    func matrix(_ name: String) throws -> ModelWeight {
        try matrix(name, rows: configuration.vocabularySize, columns: configuration.hiddenSize)
    }

    func norm(_ path: String) throws -> FrozenRMSNorm {
        let tensor = try directory.parameter("\(path).weight", shape: [configuration.hiddenSize])
        return FrozenRMSNorm(
            gamma: try directory.weights.floats(of: tensor),
            epsilon: Float(configuration.normEpsilon)
        )
    }

    func layer(_ index: Int) throws -> LlamaDecoderLayer {
        let places = AdaptableLayers(configuration).blocks[index]
        func linear(_ role: LayerRole) throws -> FrozenLinear {
            guard let place = places.first(where: { $0.role == role }) else {
                preconditionFailure("a decoder layer without \(role)")
            }
            return FrozenLinear(
                weight: try matrix("\(place.path).weight", rows: place.outputWidth, columns: place.inputWidth),
                bias: [],
                inputWidth: place.inputWidth,
                outputWidth: place.outputWidth
            )
        }
        return LlamaDecoderLayer(
            attentionNorm: try norm("model.layers.\(index).input_layernorm"),
            query: try linear(.query),
            key: try linear(.key),
            value: try linear(.value),
            attention: CausalAttention(
                headCount: configuration.headCount,
                keyValueHeadCount: configuration.keyValueHeadCount,
                headWidth: configuration.headWidth
            ),
            attentionOutput: try linear(.attentionOutput),
            feedForwardNorm: try norm("model.layers.\(index).post_attention_layernorm"),
            gate: try linear(.gate),
            intermediate: try linear(.intermediate),
            output: try linear(.output)
        )
    }

    private func matrix(_ name: String, rows: Int, columns: Int) throws -> ModelWeight {
        try ModelWeight(try directory.parameter(name, shape: [rows, columns]), in: directory.weights)
    }
}
