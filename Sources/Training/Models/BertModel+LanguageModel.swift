import Adapters

extension BertModel: LanguageModel {
    var adaptable: AdaptableLayers { AdaptableLayers(configuration) }

    func worker(recording: Bool) -> any ModelWorker { BertWorker(model: self, recording: recording) }

    func folding(_ residual: [String: LoRAModule]) throws(TrainingError) -> BertModel {
        var model = self
        model.prefix = FrozenPrefix()
        var folding = WeightFolding(residual)
        for (index, block) in adaptable.blocks.enumerated() {
            for layer in block { try folding.fold(&model.layers[index][layer.role], at: layer.path) }
        }
        try folding.fold(&model.pooler, at: Self.poolerPath)
        try folding.checkNothingIsLeft()
        return model
    }
}

extension AdaptableLayers {
    /// The linear layers of a BERT encoder, its pooler and a classification head.
    init(_ model: BERTConfiguration) {
        let roles: [LayerRole] = [.query, .key, .value, .attentionOutput, .intermediate, .output]
        let (hidden, wide) = (model.hiddenSize, model.intermediateSize)
        blocks = (0..<model.layerCount).map { index in
            roles.map { role in
                Layer(
                    role: role,
                    path: BertModel.path(layer: index, role: role),
                    inputWidth: role == .output ? wide : hidden,
                    outputWidth: role == .intermediate ? wide : hidden
                )
            }
        }
        pooler = Layer(role: .output, path: BertModel.poolerPath, inputWidth: hidden, outputWidth: hidden)
        head = Head(path: BertModel.headPath, inputWidth: hidden)
    }
}
