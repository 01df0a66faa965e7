import Adapters

/// Finds a BERT model's parameters by their names in the task model.
///
/// Matrices stay in the mapped file; the few vectors are copied.
struct BertWeights {
    let directory: BaseModelDirectory
    let configuration: BERTConfiguration

    private var hidden: Int { configuration.hiddenSize }
    private var intermediate: Int { configuration.intermediateSize }

    func matrix(_ name: String, rows: Int, columns: Int) throws -> ModelWeight {
        try ModelWeight(try directory.parameter(name, shape: [rows, columns]), in: directory.weights)
    }

    func linear(_ path: String, from inputWidth: Int, to outputWidth: Int) throws -> FrozenLinear {
        FrozenLinear(
            weight: try matrix("\(path).weight", rows: outputWidth, columns: inputWidth),
            bias: try vector("\(path).bias", count: outputWidth),
            inputWidth: inputWidth,
            outputWidth: outputWidth
        )
    }

    func layerNorm(_ path: String) throws -> FrozenLayerNorm {
        FrozenLayerNorm(
            gamma: try vector("\(path).weight", count: hidden),
            beta: try vector("\(path).bias", count: hidden),
            epsilon: Float(configuration.layerNormEpsilon)
        )
    }

    func layer(_ index: Int) throws -> BertEncoderLayer {
        func linear(_ role: LayerRole) throws -> FrozenLinear {
            try self.linear(
                BertModel.path(layer: index, role: role),
                from: role == .output ? intermediate : hidden,
                to: role == .intermediate ? intermediate : hidden
            )
        }
        let path = "bert.encoder.layer.\(index)"
        return BertEncoderLayer(
            query: try linear(.query),
            key: try linear(.key),
            value: try linear(.value),
            attention: PackedAttention(
                headCount: configuration.headCount,
                headWidth: hidden / configuration.headCount,
                queries: index == configuration.layerCount - 1 ? .firstToken : .allTokens
            ),
            attentionOutput: try linear(.attentionOutput),
            attentionNorm: try layerNorm("\(path).attention.output.LayerNorm"),
            intermediate: try linear(.intermediate),
            output: try linear(.output),
            outputNorm: try layerNorm("\(path).output.LayerNorm")
        )
    }

    private func vector(_ name: String, count: Int) throws -> [Float] {
        try directory.weights.floats(of: try directory.parameter(name, shape: [count]))
    }
}
