import Adapters

/// What merging does with all that is no factor.
extension AdapterMerge {
    /// Checks that the contribution's layers can be added up with those of the first.
    static func check(_ contribution: Contribution, beside first: Contribution) throws(AdapterToolsError) {
        let configuration = contribution.directory.configuration
        guard contribution.weight.isFinite else {
            throw .invalidWeights(reason: "that of '\(contribution.name)' is \(contribution.weight)")
        }
        func refuse(_ feature: String, _ advice: String) -> AdapterToolsError {
            .notLinear(feature: feature, adapter: contribution.name, advice: advice)
        }
        if configuration.usesMagnitudes { throw refuse("DoRA's magnitudes", "Merge it into the base model with peft.") }
        if configuration.usesFactorBias { throw refuse("biases of `lora_bias`", "Train without `lora_bias`.") }
        if configuration.changesBaseModel, let name = configuration.initialization {
            throw refuse(
                "`init_lora_weights` '\(name)', and with it a base model of its own",
                "Save it with `path_initial_model_for_weight_conversion` as a plain LoRA adapter."
            )
        }
        let (own, common) = (contribution.directory, first.directory)
        let shared = Set(own.adapter.modules.keys).intersection(common.adapter.modules.keys)
        guard !shared.isEmpty else { throw .nothingInCommon }
        guard own.embeddingModules.intersection(shared) == common.embeddingModules.intersection(shared) else {
            throw refuse("other embedding layers than '\(first.name)'", "Use the same `target_modules` everywhere.")
        }
    }

    /// Returns Σ wᵢhᵢ/Σ wᵢ of every tensor that is saved whole, over those that save it.
    static func averageOfSavedTensors(
        _ contributions: [Contribution]
    ) throws(AdapterToolsError) -> [String: DenseTensor] {
        var averages: [String: DenseTensor] = [:]
        for name in Set(contributions.flatMap(\.directory.adapter.savedTensors.keys)).sorted() {
            let holders = contributions.filter { $0.directory.adapter.savedTensors[name] != nil }
            let tensors = holders.compactMap { $0.directory.adapter.savedTensors[name] }
            for tensor in tensors where tensor.shape != tensors[0].shape {
                throw .differentShapes(name: name, tensors[0].shape, tensor.shape)
            }
            let total = holders.reduce(0) { $0 + $1.weight }
            guard total != 0 else {
                throw .invalidWeights(reason: "they add up to 0, and '\(name)' is averaged by them")
            }
            averages[name] = DenseTensor(
                shape: tensors[0].shape,
                elements: TensorSum.weighted(tensors.map(\.elements), weights: holders.map { $0.weight / total })
            )
        }
        return averages
    }

    /// Puts the result into a directory with the first contribution's configuration.
    static func directory(of adapter: LoRAAdapter, _ contributions: [Contribution]) -> PEFTDirectory {
        let directories = contributions.map(\.directory)
        var configuration = directories[0].configuration
        configuration.rankExceptions = []
        configuration.alphaExceptions = []
        configuration.usesRankStabilizedScaling = false
        configuration.targetModules = targetModules(of: directories.map(\.configuration), adapter)
        var saved: [String] = []
        for name in directories.flatMap(\.configuration.modulesToSave) where !saved.contains(name) {
            saved.append(name)
        }
        configuration.modulesToSave = saved
        // A path of one machine says nothing about a result of several.
        let baseModels = Set(directories.map(\.configuration.baseModel))
        configuration.baseModel = baseModels.count == 1 ? configuration.baseModel : nil
        return PEFTDirectory(
            configuration: configuration,
            adapter: adapter,
            embeddingModules: directories.reduce(into: []) { $0.formUnion($1.embeddingModules) }
        )
    }

    /// The union of the names, or the layers themselves where they were chosen in different ways.
    private static func targetModules(
        of configurations: [PEFTConfiguration],
        _ adapter: LoRAAdapter
    ) -> TargetModules? {
        let first = configurations[0].targetModules
        if configurations.allSatisfy({ $0.targetModules == first }) { return first }
        var names: [String] = []
        for configuration in configurations {
            guard case .names(let own)? = configuration.targetModules else {
                return .names(adapter.modules.keys.sorted(by: LayerOrder.precedes))
            }
            names += own.filter { !names.contains($0) }
        }
        return .names(names)
    }
}
