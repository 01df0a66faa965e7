/// What federated fine-tuning moves between silos: the low-rank factors of every adapted layer, and the saved heads.
///
/// Module paths are those of PEFT without `base_model.model.`, such as `bert.encoder.layer.0.attention.self.query`;
/// saved tensors are named by parameter, such as `classifier.weight`.
package struct LoRAAdapter: Sendable, Equatable, Codable {
    /// The adapted layers, by module path.
    package var modules: [String: LoRAModule]
    /// The tensors of PEFT's `modules_to_save`, by parameter path.
    package var savedTensors: [String: DenseTensor]
    /// What earlier rounds folded into the base model, by module path: W = W₀ + s·BA, and on top of it ``modules``.
    ///
    /// It is frozen. Strategies that correct or extend the base model every round (FLoRA, FedEx-LoRA) leave it; for all
    /// others it is empty.
    package var residual: [String: LoRAModule]
    /// SCAFFOLD's control variates, by the names of ``trainedTensors(_:)``; empty where there are none.
    ///
    /// In what the server hands out they are its own, in an update the change of the client's.
    package var controls: [String: DenseTensor]

    /// Creates an adapter from its parts.
    package init(
        modules: [String: LoRAModule],
        savedTensors: [String: DenseTensor] = [:],
        residual: [String: LoRAModule] = [:],
        controls: [String: DenseTensor] = [:]
    ) {
        self.modules = modules
        self.savedTensors = savedTensors
        self.residual = residual
        self.controls = controls
    }

    /// The largest rank of any adapted layer; 0 when there is none.
    package var maximumRank: Int { modules.values.map(\.rank).max() ?? 0 }
}
