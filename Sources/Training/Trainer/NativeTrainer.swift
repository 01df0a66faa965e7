package import Adapters
package import FederatedLearning
package import Foundation

/// Trains and evaluates adapters of a base model on one silo's texts, without any other program.
///
/// Model, tokens and buffers stay resident between rounds. What a round computes follows from the adapter, the order and
/// the client's name alone: the same on any number of threads, in the daemon and in a simulation.
package struct NativeTrainer: LocalTrainer {
    /// What the base model can be trained for.
    package let tasks: Set<JobConfiguration.Task>
    private let engine: TrainingEngine
    private let client: String
    private let checkpoints: Checkpoints

    /// Says where the standing of an order's training is kept, given the adapter that it starts from; `nil` for nowhere.
    package typealias Checkpoints = @Sendable (WorkOrder, LoRAAdapter) -> (any TrainingCheckpoints)?

    /// Creates a trainer from what is already loaded.
    ///
    /// - Parameters:
    ///   - model: The base model.
    ///   - corpus: The silo's texts, tokenized for that model.
    ///   - client: The client's name, which its random numbers depend on.
    ///   - threads: How many threads compute; by default as many as there are processors, but at most eight.
    ///   - checkpoints: Where long trainings are kept while they last.
    package init(
        model: BaseModel,
        corpus: TextCorpus,
        client: String,
        threads: Int? = nil,
        checkpoints: @escaping Checkpoints = { _, _ in nil }
    ) {
        self.engine = TrainingEngine(model: model, corpus: corpus, threads: threads)
        self.client = client
        self.checkpoints = checkpoints
        self.tasks = model.tasks
    }

    /// Loads a base model and a data file.
    ///
    /// - Throws: ``TrainingError`` or `AdapterError` that names the file, and the key, tensor or line in it.
    package init(
        model folder: URL,
        data file: URL,
        client: String,
        threads: Int? = nil,
        checkpoints: @escaping Checkpoints = { _, _ in nil }
    ) throws {
        try self.init(
            directory: BaseModelDirectory(reading: folder),
            file: DataFile(contentsOf: file),
            client: client,
            threads: threads,
            checkpoints: checkpoints
        )
    }

    init(
        directory: BaseModelDirectory,
        file: DataFile,
        client: String,
        threads: Int?,
        checkpoints: @escaping Checkpoints = { _, _ in nil }
    ) throws {
        let model = try BaseModel(directory)
        self.init(
            model: model,
            corpus: try model.corpus(of: file),
            client: client,
            threads: threads,
            checkpoints: checkpoints
        )
    }

    /// Returns where everything lies that a trainer reads of a base model; most models lack some of it.
    package static func files(ofModel folder: URL) -> [URL] {
        let names = [
            BaseModelDirectory.configurationFileName, BaseModelDirectory.weightsFileName, WordPieceTokenizer.fileName,
            WordPieceTokenizer.configurationFileName, TokenizerFile.name,
        ]
        return names.map { folder.appendingPathComponent($0) }
    }

    /// How many texts there are to train on.
    package var trainingExampleCount: Int { engine.corpus.trainingRows.count }

    /// How many texts are held out.
    package var heldOutExampleCount: Int { engine.corpus.heldOutRows.count }

    // MARK: - Training

    package func train(
        _ adapter: LoRAAdapter,
        for order: WorkOrder,
        progress: @escaping @Sendable (TrainingProgress) -> Void
    ) async throws -> TrainingOutcome {
        try await train(
            adapter,
            task: TrainingTask(order),
            checkpoints: checkpoints(order, adapter),
            progress: progress
        )
    }

    /// Trains `adapter` and returns it with what was measured.
    ///
    /// - Parameters:
    ///   - adapter: What to start from; it has a head when the task is a classification.
    ///   - task: Labels and settings.
    ///   - checkpoints: Where the training is kept while it lasts.
    ///   - progress: Called after every step.
    /// - Returns: The trained adapter; the metrics `loss` (mean over all steps), `final_loss`, `steps`, `tokens`, `seconds`.
    /// - Throws: ``TrainingError``, or `CancellationError` when the task is cancelled between two steps.
    package func train(
        _ adapter: LoRAAdapter,
        task: TrainingTask,
        checkpoints: (any TrainingCheckpoints)? = nil,
        progress: @Sendable (TrainingProgress) -> Void = { _ in }
    ) async throws -> TrainingOutcome {
        let training = LocalTraining(
            client: client,
            adapter: adapter,
            task: task,
            rows: engine.corpus.trainingRows
        )
        return try await engine.train(training, checkpoints: checkpoints, progress: progress)
    }

    // MARK: - Evaluation

    package func evaluate(_ adapter: LoRAAdapter, for order: WorkOrder) async throws -> EvaluationReport {
        try await evaluate(adapter, task: TrainingTask(order))
    }

    /// Evaluates `adapter` on held-out texts.
    ///
    /// - Parameters:
    ///   - adapter: What to judge; it has a head when the task is a classification.
    ///   - task: Labels, the length to which texts are cut, and how many are used.
    /// - Returns: The metrics `loss`, `accuracy` and `macro_f1`, or `loss` and `perplexity`; none when no text is held out.
    /// - Throws: ``TrainingError``, or `CancellationError` when the task is cancelled.
    package func evaluate(_ adapter: LoRAAdapter, task: TrainingTask) async throws -> EvaluationReport {
        let rows = task.evaluationRows(among: engine.corpus.heldOutRows, client: client)
        let outputs = try await engine.outputs(of: rows, adapter: adapter, task: task)
        return try await engine.report(on: outputs, of: rows, task: task)
    }

    /// Returns what the adapted model says of each held-out text, in the order of the file.
    ///
    /// - Parameters:
    ///   - adapter: What to judge; it has a head when the task is a classification.
    ///   - task: Labels and the length to which texts are cut; all held-out texts are used.
    /// - Returns: One prediction a text.
    /// - Throws: ``TrainingError``, or `CancellationError` when the task is cancelled.
    package func predictions(_ adapter: LoRAAdapter, task: TrainingTask) async throws -> [Prediction] {
        try await engine.outputs(of: engine.corpus.heldOutRows, adapter: adapter, task: task).map {
            Prediction(logits: $0.logits)
        }
    }
}
