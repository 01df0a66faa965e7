/// What federated fine-tuning moves between silos: the low-rank factors of every adapted layer, and the saved heads.
///
/// Module paths are those of PEFT without `base_model.model.`, such as `bert.encoder.layer.0.attention.self.query`;
/// saved tensors are named by parameter, such as `classifier.weight`.
package struct LoRAAdapter: Sendable, Equatable, Codable {
    /// The adapted layers, by module path.
    package var modules: [String: LoRAModule]
    /// The tensors of PEFT's `modules_to_save`, by parameter path.
    package var savedTensors: [String: DenseTensor]

    /// Creates an adapter from its parts.
    package init(modules: [String: LoRAModule], savedTensors: [String: DenseTensor] = [:]) {
        self.modules = modules
        self.savedTensors = savedTensors
    }

    /// The largest rank of any adapted layer; 0 when there is none.
    package var maximumRank: Int { modules.values.map(\.rank).max() ?? 0 }
}
