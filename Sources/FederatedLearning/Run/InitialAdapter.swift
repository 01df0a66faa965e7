package import Adapters
package import Foundation

/// The adapter that a job starts from, for the base model that it names.
package struct InitialAdapter: Sendable {
    private static let classifier = "classifier"

    private let configuration: JobConfiguration
    private let directory: BaseModelDirectory
    private let layers: [LinearLayer]
    private let head: ClassificationHead?

    /// Checks that a job fits its base model, which is a Hugging Face directory.
    ///
    /// - Throws: ``AdapterError`` about the model or `target_modules`; ``FederatedLearningError/unsuitableJob(key:problem:)``.
    package init(for configuration: JobConfiguration, model: URL) throws {
        guard configuration.adapter.start == nil else {
            throw FederatedLearningError.unsuitableJob(
                key: "adapter.start",
                problem:
                    "other kinds of adapters than LoRA are trained by programs on silos. Write `r` and `lora_alpha`."
            )
        }
        let directory = try BaseModelDirectory(reading: model)
        switch (directory.configuration, configuration.task) {
        case (.bert, .sequenceClassification), (.llama, .causalLanguageModel): break
        case (.bert, .causalLanguageModel):
            throw FederatedLearningError.unsuitableJob(
                key: "task",
                problem: "'\(model.path)' is an encoder. Write `task: sequence-classification`."
            )
        case (.llama, .sequenceClassification):
            throw FederatedLearningError.unsuitableJob(
                key: "task",
                problem: "'\(model.path)' is a decoder. Write `task: causal-lm`, without `labels`."
            )
        }
        let savable = configuration.task == .sequenceClassification ? [Self.classifier] : []
        if let other = configuration.adapter.modulesToSave.first(where: { !savable.contains($0) }) {
            throw FederatedLearningError.unsuitableJob(
                key: "adapter.modules_to_save",
                problem: "'\(other)' cannot be trained whole. Write [\(savable.joined())]."
            )
        }
        self.configuration = configuration
        self.directory = directory
        self.layers = try directory.layers(targetedBy: .names(configuration.adapter.targetModules))
        self.head =
            configuration.adapter.modulesToSave.isEmpty
            ? nil
            : ClassificationHead(
                path: Self.classifier,
                labelCount: configuration.labels.count,
                hiddenSize: directory.configuration.hiddenSize
            )
    }

    /// Makes the adapter: the same job gives the same one.
    ///
    /// - Throws: `AdapterError` where the model's weights are needed and cannot be used.
    package func make() throws -> LoRAAdapter {
        var adapter = LoRAAdapter.initial(
            for: layers,
            rank: configuration.adapter.rank,
            alpha: configuration.adapter.alpha,
            usesRankStabilizedScaling: configuration.adapter.usesRankStabilizedScaling,
            initialization: configuration.adapter.initialization,
            head: head,
            seed: configuration.seed
        )
        if configuration.adapter.initialization == .pissa { try adapter.takePrincipalParts(of: directory) }
        return adapter
    }
}
