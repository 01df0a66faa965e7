/// The places of a model that an adapter can change, and the head that is trained whole.
///
/// All that ``AdapterLayout`` knows about a family of models.
struct AdaptableLayers: Sendable {
    /// One linear layer.
    struct Layer: Sendable, Hashable {
        let role: LayerRole
        /// The module's path in the task model, as PEFT names it.
        let path: String
        let inputWidth: Int
        let outputWidth: Int
    }

    /// A linear layer with bias that gives one number a class.
    struct Head: Sendable, Hashable {
        /// The module's path, and so its name in `modules_to_save`.
        let path: String
        let inputWidth: Int

        var weightName: String { "\(path).weight" }
        var biasName: String { "\(path).bias" }
    }

    /// The linear layers of each block, in the order of the forward pass.
    let blocks: [[Layer]]
    /// The layer between the last block and the head, with the role of an output.
    let pooler: Layer?
    /// `nil` for models whose head is part of the base model.
    let head: Head?
}
