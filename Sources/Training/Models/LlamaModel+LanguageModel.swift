import Adapters

extension LlamaModel: LanguageModel {
    var adaptable: AdaptableLayers { AdaptableLayers(configuration) }

    func worker(recording: Bool) -> any ModelWorker { LlamaWorker(model: self, recording: recording) }

    func folding(_ residual: [String: LoRAModule]) throws(TrainingError) -> LlamaModel {
        var model = self
        model.prefix = FrozenPrefix()
        var folding = WeightFolding(residual)
        for (index, block) in adaptable.blocks.enumerated() {
            for layer in block { try folding.fold(&model.layers[index][layer.role], at: layer.path) }
        }
        try folding.checkNothingIsLeft()
        return model
    }
}

extension AdaptableLayers {
    /// The linear layers of a Llama decoder; its head belongs to the base model.
    init(_ model: LlamaConfiguration) {
        let (hidden, wide) = (model.hiddenSize, model.intermediateSize)
        let (asking, held) = (model.headCount * model.headWidth, model.keyValueHeadCount * model.headWidth)
        blocks = (0..<model.layerCount).map { index in
            LayerRole.allCases.map { role in
                let (inputWidth, outputWidth) =
                    switch role {
                    case .query: (hidden, asking)
                    case .key, .value: (hidden, held)
                    case .attentionOutput: (asking, hidden)
                    case .gate, .intermediate: (hidden, wide)
                    case .output: (wide, hidden)
                    }
                return Layer(
                    role: role,
                    path: LlamaModel.path(layer: index, role: role),
                    inputWidth: inputWidth,
                    outputWidth: outputWidth
                )
            }
        }
        pooler = nil
        head = nil
    }
}
