package import Adapters
package import FederatedLearning
package import Foundation

/// Fine-tunes a model on one data file, without a federation: what `fed-client train` does.
package struct LocalFineTuning: Sendable {
    /// What is trained, and how.
    package struct Plan: Sendable {
        /// A Hugging Face directory.
        package var model: URL
        /// JSON lines or CSV.
        package var data: URL
        /// The class names, of which a decoder has none; `nil` for those that the data file names, in alphabetical order.
        package var labels: [String]?
        package var adapter: JobConfiguration.Adapter
        package var training: JobConfiguration.Training
        package var seed: UInt64
        /// How many threads compute; `nil` for all processors.
        package var threads: Int?

        package init(
            model: URL,
            data: URL,
            labels: [String]? = nil,
            adapter: JobConfiguration.Adapter,
            training: JobConfiguration.Training,
            seed: UInt64 = 1,
            threads: Int? = nil
        ) {
            self.model = model
            self.data = data
            self.labels = labels
            self.adapter = adapter
            self.training = training
            self.seed = seed
            self.threads = threads
        }
    }

    /// What is left at the end.
    package struct Result: Sendable {
        package let adapter: LoRAAdapter
        package let labels: [String]
        /// `loss`, `final_loss`, `steps`, `tokens` and `seconds`.
        package let trainingMetrics: [String: Double]
        /// The held-out texts, judged by the adapter that the training started from.
        package let before: EvaluationReport
        /// The held-out texts, judged by the trained adapter.
        package let after: EvaluationReport
    }

    private let trainer: NativeTrainer
    private let task: TrainingTask
    private let initial: LoRAAdapter

    /// The labels in the order of the head's rows.
    package var labels: [String] { task.labels }

    /// Loads model and data, and makes the adapter to start from.
    ///
    /// - Throws: ``TrainingError`` or `AdapterError` that says what is wrong with which file or setting.
    package init(_ plan: Plan) throws {
        let directory = try BaseModelDirectory(reading: plan.model)
        let file = try DataFile(contentsOf: plan.data)
        let isClassification = if case .bert = directory.configuration { true } else { false }
        let labels = isClassification ? plan.labels ?? file.labelNames : []
        // Without labels the task would be language modelling, and it would be refused for that.
        guard !isClassification || labels.count > 1 else {
            if let row = file.rows.first(where: { $0.label == nil }) {
                throw TrainingError.unlabelled(path: file.path, line: row.line)
            }
            throw TrainingError.invalidSetting(
                key: "labels",
                problem: "has \(labels.count) of them",
                remedy: "Name every class of the data, at least two."
            )
        }
        guard plan.adapter.rank > 0 else {
            throw TrainingError.invalidSetting(
                key: "r",
                problem: "is \(plan.adapter.rank)",
                remedy: "It must be at least 1."
            )
        }
        initial = LoRAAdapter.initial(
            for: try directory.layers(targetedBy: .names(plan.adapter.targetModules)),
            rank: plan.adapter.rank,
            alpha: plan.adapter.alpha,
            usesRankStabilizedScaling: plan.adapter.usesRankStabilizedScaling,
            head: isClassification
                ? ClassificationHead(
                    labelCount: labels.count,
                    hiddenSize: directory.configuration.hiddenSize,
                    initializerRange: directory.configuration.initializerRange
                ) : nil,
            seed: plan.seed
        )
        trainer = try NativeTrainer(directory: directory, file: file, client: "local", threads: plan.threads)
        task = TrainingTask(
            labels: labels,
            settings: plan.training,
            dropout: plan.adapter.dropout,
            seed: plan.seed
        )
    }

    /// Evaluates, trains and evaluates again.
    package func run(progress: @escaping @Sendable (TrainingProgress) -> Void) async throws -> Result {
        let before = try await trainer.evaluate(initial, task: task)
        let outcome = try await trainer.train(initial, task: task, progress: progress)
        return Result(
            adapter: outcome.adapter,
            labels: labels,
            trainingMetrics: outcome.metrics,
            before: before,
            after: try await trainer.evaluate(outcome.adapter, task: task)
        )
    }
}
