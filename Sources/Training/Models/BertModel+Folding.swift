import Adapters

extension BertModel {
    /// Returns the model with low-rank changes added to its weights; layers that nothing changes stay mapped.
    ///
    /// - Parameter residual: s·BA by the path of the layer.
    /// - Returns: The changed model.
    /// - Throws: ``TrainingError/unsuitableAdapter(name:problem:remedy:)`` when a path names no linear layer, or one of
    ///   another size.
    func folding(_ residual: [String: LoRAModule]) throws(TrainingError) -> BertModel {
        var model = self
        var left = residual
        func fold(_ linear: inout FrozenLinear, at path: String) throws(TrainingError) {
            guard let module = left.removeValue(forKey: path) else { return }
            guard module.inputWidth == linear.inputWidth, module.outputWidth == linear.outputWidth else {
                throw .unsuitableAdapter(
                    name: path,
                    problem: "is \(module.outputWidth)×\(module.inputWidth) where the model's layer is "
                        + "\(linear.outputWidth)×\(linear.inputWidth)",
                    remedy: "Use an adapter that was made for this base model."
                )
            }
            linear = linear.folding(module)
        }
        for index in model.layers.indices {
            for role in BertLayerRole.allCases {
                try fold(&model.layers[index][role], at: Self.path(layer: index, role: role))
            }
        }
        try fold(&model.pooler, at: Self.poolerPath)
        if let path = left.keys.min() {
            throw .unsuitableAdapter(
                name: path,
                problem: "is no linear layer of the model",
                remedy: "Use an adapter that was made for this base model."
            )
        }
        return model
    }
}
