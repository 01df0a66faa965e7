package import Adapters
package import FederatedLearning
package import Foundation
import LinearAlgebra

/// Trains and evaluates adapters of a base model on one silo's texts, without any other program.
///
/// Model, tokens and buffers stay resident between rounds. What a round computes follows from the adapter, the order and
/// the client's name alone: the same on any number of threads, in the daemon and in a simulation.
package actor NativeTrainer: LocalTrainer {
    /// The base model as it was loaded.
    private let base: BaseModel
    /// The base model with what earlier rounds folded into it.
    private var model: BaseModel
    /// What is folded into ``model``.
    private var residual: [String: LoRAModule] = [:]
    private let threads: Int
    private let corpus: TextCorpus
    /// Tells this client's random numbers from those of others.
    private let clientStream: UInt64
    private var training: TrainingPass
    private var evaluation: EvaluationPass
    private nonisolated let executor = TrainingExecutor()

    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// Creates a trainer from what is already loaded.
    ///
    /// - Parameters:
    ///   - model: The base model.
    ///   - corpus: The silo's texts, tokenized for that model.
    ///   - client: The client's name, which its random numbers depend on.
    ///   - threads: How many threads compute; by default as many as there are processors, but at most eight.
    package init(model: BaseModel, corpus: TextCorpus, client: String, threads: Int? = nil) {
        let threads = threads ?? min(ProcessInfo.processInfo.activeProcessorCount, 8)
        self.base = model
        self.model = model
        self.threads = threads
        self.corpus = corpus
        self.clientStream = RandomStream.number(of: client)
        self.training = TrainingPass(model: model.network, threads: threads)
        self.evaluation = EvaluationPass(model: model.network, threads: threads)
    }

    /// Loads a base model and a data file.
    ///
    /// - Throws: ``TrainingError`` or `AdapterError` that names the file, and the key, tensor or line in it.
    package init(model folder: URL, data file: URL, client: String, threads: Int? = nil) throws {
        try self.init(
            directory: BaseModelDirectory(reading: folder),
            file: DataFile(contentsOf: file),
            client: client,
            threads: threads
        )
    }

    init(directory: BaseModelDirectory, file: DataFile, client: String, threads: Int?) throws {
        let model = try BaseModel(directory)
        self.init(model: model, corpus: try model.corpus(of: file), client: client, threads: threads)
    }

    /// How many texts there are to train on.
    package nonisolated var trainingExampleCount: Int { corpus.trainingRows.count }

    /// How many texts are held out.
    package nonisolated var heldOutExampleCount: Int { corpus.heldOutRows.count }

    // MARK: - Training

    package func train(
        _ adapter: LoRAAdapter,
        for order: WorkOrder,
        progress: @escaping @Sendable (TrainingProgress) -> Void
    ) throws -> TrainingOutcome {
        try train(adapter, task: TrainingTask(order), progress: progress)
    }

    /// Trains `adapter` and returns it with what was measured.
    ///
    /// - Parameters:
    ///   - adapter: What to start from; it has a classification head.
    ///   - task: Labels and settings.
    ///   - progress: Called after every step.
    /// - Returns: The trained adapter; the metrics `loss` (mean over all steps), `final_loss`, `steps`, `tokens`, `seconds`.
    /// - Throws: ``TrainingError``, or `CancellationError` when the task is cancelled between two steps.
    package func train(
        _ adapter: LoRAAdapter,
        task: TrainingTask,
        progress: @Sendable (TrainingProgress) -> Void = { _ in }
    ) throws -> TrainingOutcome {
        try task.check(longestText: model.configuration.longestText)
        try fold(adapter.residual)
        let labels = try corpus.labels(in: task.labels)
        let layout = try AdapterLayout(
            adapter: adapter,
            model: model.network.adaptable,
            labelCount: task.labels.count
        )
        var schedule = BatchSchedule(
            rows: corpus.trainingRows,
            batchSize: task.settings.batchSize,
            epochs: task.settings.epochs,
            maximumSteps: task.settings.maximumSteps,
            generator: generator(RandomStream.shuffle, of: task)
        )
        var masks = generator(RandomStream.dropout, of: task)
        var active = ActiveAdapter(layout: layout, parameters: layout.flatten(adapter))
        let trained = try TrainableParameters(layout: layout, adapter: adapter, trained: task.rules.scope.trained)
        var values = trained.initialValues(in: active.parameters)
        let correction = LocalCorrection(task, parameters: trained, start: values, adapter: adapter)
        var optimizer = LocalOptimizer(task.settings, count: trained.count)
        var modelGradient: [Float] = []
        var (step, tokenCount, lossSum, latestLoss) = (0, 0, 0.0, 0.0)
        let start = ContinuousClock.now

        while let rows = schedule.next() {
            try Task.checkCancellation()
            step += 1
            let shards = TrainingBatch.shards(
                of: rows,
                from: corpus,
                labels: labels,
                maximumLength: task.settings.maximumLength
            )
            if task.dropout > 0 {
                active.dropout = .init(probability: Float(task.dropout), seed: masks.next())
            }
            latestLoss = training.run(shards, adapter: active, gradient: &modelGradient)
            guard latestLoss.isFinite else { throw TrainingError.divergedLoss(step: step, loss: latestLoss) }
            var gradient = trained.gradient(of: modelGradient)
            correction.add(to: &gradient, at: values)
            optimizer.step(&values, gradient: gradient)
            trained.write(values, to: &active.parameters)
            lossSum += latestLoss
            tokenCount += shards.reduce(0) { $0 + $1.texts.tokenCount }
            progress(TrainingProgress(step: step, stepCount: schedule.stepCount, loss: latestLoss))
        }
        // The last step's own loss was finite; what it led to need not be.
        guard values.allSatisfy({ $0.isFinite }) else {
            throw TrainingError.divergedLoss(step: step, loss: .infinity)
        }
        return TrainingOutcome(
            adapter: trained.adapter(values),
            exampleCount: corpus.trainingRows.count,
            metrics: [
                "loss": lossSum / Double(step),
                "final_loss": latestLoss,
                "steps": Double(step),
                "tokens": Double(tokenCount),
                "seconds": (ContinuousClock.now - start) / .seconds(1),
            ],
            stepCount: step
        )
    }

    /// Folds what earlier rounds left into the base model, unless it is there already.
    private func fold(_ residual: [String: LoRAModule]) throws(TrainingError) {
        guard residual != self.residual else { return }
        model = try base.folding(residual)
        self.residual = residual
        training = TrainingPass(model: model.network, threads: threads)
        evaluation = EvaluationPass(model: model.network, threads: threads)
    }

    /// The random numbers of one purpose in one round.
    private func generator(_ purpose: UInt64, of task: TrainingTask) -> CounterGenerator {
        CounterGenerator(seed: task.seed, stream: [purpose, UInt64(truncatingIfNeeded: task.round), clientStream])
    }

    // MARK: - Evaluation

    package func evaluate(_ adapter: LoRAAdapter, for order: WorkOrder) throws -> EvaluationReport {
        try evaluate(adapter, task: TrainingTask(order))
    }

    /// Evaluates `adapter` on held-out texts.
    ///
    /// - Parameters:
    ///   - adapter: What to judge; it has a classification head.
    ///   - task: Labels, the length to which texts are cut, and how many are used.
    /// - Returns: The metrics `loss`, `accuracy` and `macro_f1`; none when no text is held out.
    /// - Throws: ``TrainingError``, or `CancellationError` when the task is cancelled.
    package func evaluate(_ adapter: LoRAAdapter, task: TrainingTask) throws -> EvaluationReport {
        var rows = corpus.heldOutRows
        if let sample = task.evaluationSample, sample < rows.count {
            // The same texts in every round, so that rounds can be compared.
            var generator = CounterGenerator(seed: task.seed, stream: [RandomStream.sample, clientStream])
            rows = Array(generator.permutation(of: rows).prefix(max(sample, 0)))
        }
        let logits = try logits(of: rows, adapter: adapter, task: task)
        let labels = try corpus.labels(in: task.labels)
        var scores = ClassificationScores(labelCount: task.labels.count)
        for (row, logits) in zip(rows, logits) { scores.add(logits: logits, label: Int(labels[row])) }
        return scores.report
    }

    /// Returns what the adapted model says of each held-out text, in the order of the file.
    ///
    /// - Parameters:
    ///   - adapter: What to judge; it has a classification head.
    ///   - task: Labels and the length to which texts are cut; all held-out texts are used.
    /// - Returns: One prediction a text.
    /// - Throws: ``TrainingError``, or `CancellationError` when the task is cancelled.
    package func predictions(_ adapter: LoRAAdapter, task: TrainingTask) throws -> [Prediction] {
        try logits(of: corpus.heldOutRows, adapter: adapter, task: task).map(Prediction.init(logits:))
    }

    private func logits(of rows: [Int], adapter: LoRAAdapter, task: TrainingTask) throws -> [[Float]] {
        try task.check(longestText: model.configuration.longestText)
        try fold(adapter.residual)
        let layout = try AdapterLayout(
            adapter: adapter,
            model: model.network.adaptable,
            labelCount: task.labels.count
        )
        let outputs = try evaluation.outputs(
            of: rows,
            from: corpus,
            maximumLength: task.settings.maximumLength,
            adapter: ActiveAdapter(layout: layout, parameters: layout.flatten(adapter))
        )
        return outputs.map { output in
            guard case .logits(let logits) = output else { preconditionFailure("a classification without logits") }
            return logits
        }
    }
}
