import Adapters

/// Low-rank changes on their way into the weights of a model.
struct WeightFolding {
    /// s·BA by the path of its layer, of those that have found no place yet.
    private var left: [String: LoRAModule]

    private static let remedy = "Use an adapter that was made for this base model."

    init(_ residual: [String: LoRAModule]) { left = residual }

    /// Replaces the layer at `path` when something changes it.
    ///
    /// - Throws: ``TrainingError/unsuitableAdapter(name:problem:remedy:)`` when the change has another size.
    mutating func fold(_ linear: inout FrozenLinear, at path: String) throws(TrainingError) {
        guard let module = left.removeValue(forKey: path) else { return }
        guard module.inputWidth == linear.inputWidth, module.outputWidth == linear.outputWidth else {
            throw .unsuitableAdapter(
                name: path,
                problem: "is \(module.outputWidth)×\(module.inputWidth) where the model's layer is "
                    + "\(linear.outputWidth)×\(linear.inputWidth)",
                remedy: Self.remedy
            )
        }
        linear = linear.folding(module)
    }

    /// Refuses changes that found no place.
    func checkNothingIsLeft() throws(TrainingError) {
        guard let path = left.keys.min() else { return }
        throw .unsuitableAdapter(name: path, problem: "is no linear layer of the model", remedy: Self.remedy)
    }
}
