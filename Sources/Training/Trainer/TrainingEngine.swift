package import Adapters
package import FederatedLearning
private import Foundation
import LinearAlgebra

/// Trains and evaluates adapters on one shared frozen model: several clients at once, fused where that pays.
///
/// What a training computes follows from its ``LocalTraining`` alone: results depend neither on the number of threads nor
/// on which trainings run together nor on how. At any time there are, beside the model, an adapter with its optimizer's
/// state for each training that is under way, and one set of buffers a thread.
package actor TrainingEngine {
    /// The base model as it was loaded.
    private let base: BaseModel
    /// The base model with what earlier rounds folded into it.
    private var model: BaseModel
    /// What is folded into ``model``.
    private var residual: [String: LoRAModule] = [:]
    package nonisolated let corpus: TextCorpus
    private var passes: [TrainingPass]
    private var evaluation: EvaluationPass
    /// The labels of the corpus's rows, and the names that they are places in.
    private var labels: (names: [String], ofRows: [Int32])?
    private nonisolated let executor = TrainingExecutor()

    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// Creates an engine from what is already loaded.
    ///
    /// - Parameters:
    ///   - model: The base model.
    ///   - corpus: The texts of all clients, tokenized for that model.
    ///   - threads: How many threads compute; by default as many as there are processors, but at most eight.
    package init(model: BaseModel, corpus: TextCorpus, threads: Int? = nil) {
        let threads = max(1, threads ?? min(ProcessInfo.processInfo.activeProcessorCount, 8))
        self.base = model
        self.model = model
        self.corpus = corpus
        self.passes = (0..<threads).map { _ in TrainingPass(model: model.network) }
        self.evaluation = EvaluationPass(model: model.network, threads: threads)
    }

    // MARK: - Training

    /// Trains each adapter.
    ///
    /// - Parameters:
    ///   - trainings: What is to be trained.
    ///   - fusing: How many clients' steps go through the model together.
    ///   - progress: Called after every step, with the place of the training; from several threads at once.
    /// - Returns: For each training, in order, the trained adapter with the metrics `loss` (mean over all steps),
    ///   `final_loss`, `steps`, `tokens` and `seconds`; or the ``TrainingError`` that ended it, or `CancellationError`
    ///   when the task was cancelled between two steps.
    package func train(
        _ trainings: [LocalTraining],
        fusing: FusingPolicy = .automatic,
        progress: @Sendable (Int, TrainingProgress) -> Void = { _, _ in }
    ) async -> [Result<TrainingOutcome, any Error>] {
        var results = [Result<TrainingOutcome, any Error>](
            repeating: .failure(CancellationError()),
            count: trainings.count
        )
        var left = Array(trainings.indices)
        // All of a round start from the same base, so this is one group but for a caller who mixes jobs.
        while let first = left.first {
            let residual = trainings[first].adapter.residual
            let group = left.filter { trainings[$0].adapter.residual == residual }
            left.removeAll { trainings[$0].adapter.residual == residual }
            let found: [Result<TrainingOutcome, any Error>]
            do {
                try fold(residual)
                found = await train(group.map { trainings[$0] }, fusing) { progress(group[$0], $1) }
            } catch {
                found = group.map { _ in .failure(error) }
            }
            for (place, result) in zip(group, found) { results[place] = result }
        }
        return results
    }

    /// Trains one adapter on all threads, from where an earlier attempt stood if there was one.
    ///
    /// - Parameters:
    ///   - training: What is to be trained.
    ///   - checkpoints: Where its standing is kept while it lasts; `nil` to keep it nowhere.
    ///   - progress: Called after every step.
    /// - Returns: The trained adapter, with the metrics of ``train(_:fusing:progress:)`` over all attempts: the same numbers
    ///   and bits as without a break.
    /// - Throws: ``TrainingError``; `CancellationError` when the task was cancelled between two steps, and where the training
    ///   stands is kept then.
    package func train(
        _ training: LocalTraining,
        checkpoints: (any TrainingCheckpoints)?,
        progress: (TrainingProgress) -> Void = { _ in }
    ) throws -> TrainingOutcome {
        try fold(training.adapter.residual)
        return try trainOverAllThreads(training, checkpoints: checkpoints, progress: progress)
    }

    /// Trains adapters on the model as it is.
    private func train(
        _ trainings: [LocalTraining],
        _ fusing: FusingPolicy,
        _ progress: @Sendable (Int, TrainingProgress) -> Void
    ) async -> [Result<TrainingOutcome, any Error>] {
        // With fewer trainings than threads, the shards of one step run side by side instead.
        if trainings.count < passes.count {
            return trainings.indices.map { place in
                Result { try trainOverAllThreads(trainings[place]) { progress(place, $0) } }
            }
        }
        let queue = TrainingQueue(costs: trainings.map(\.approximateCost))
        var sessions: [SessionFactory.Prepared] = []
        sessions.reserveCapacity(trainings.count)
        for training in trainings { sessions.append(Result { try prepare(training) }) }
        let factory = SessionFactory(prepared: sessions, model: model.network.adaptable)
        let (corpus, threads) = (corpus, passes.count)
        let share = (trainings.count + threads - 1) / threads
        // The threads that compute do not run in the task, so that only a handler tells all of them of its end.
        await withTaskCancellationHandler {
            Concurrency.forEach(in: &passes, threads: threads) { _, pass in
                var group = FusedTrainings(limit: share, policy: fusing, corpus: corpus)
                group.run(from: queue, factory: factory, pass: &pass, progress: progress)
            }
        } onCancel: {
            queue.cancel()
        }
        return queue.results
    }

    /// Trains one adapter, with the shards of each step on all threads.
    private func trainOverAllThreads(
        _ training: LocalTraining,
        checkpoints: (any TrainingCheckpoints)? = nil,
        progress: (TrainingProgress) -> Void
    ) throws -> TrainingOutcome {
        var session = try TrainingSession(
            training,
            model: model.network.adaptable,
            labels: try prepare(training).labels
        )
        if let kept = checkpoints?.latest() { session.resume(from: kept) }
        while true {
            try Task.checkCancellation()
            guard let segments = session.beginStep(corpus: corpus) else { break }
            let count = passes.run(consume segments)
            for segment in 0..<count {
                passes.withResult(of: segment) { session.add(loss: $0, gradient: $1) }
            }
            progress(try session.finishStep())
            if let checkpoints, Task.isCancelled || checkpoints.isDue(), let checkpoint = session.checkpoint {
                checkpoints.keep(checkpoint)
            }
        }
        return try session.outcome()
    }

    /// Checks what a training asks for, and finds the labels of the corpus's rows.
    private func prepare(_ training: LocalTraining) throws -> SessionFactory.Training {
        let task = training.task
        try task.check(for: model)
        return SessionFactory.Training(training: training, labels: try labels(of: task))
    }

    /// The labels of the corpus's rows; `nil` when the targets are the next tokens.
    private func labels(of task: TrainingTask) throws(TrainingError) -> [Int32]? {
        if task.kind == .causalLanguageModel { return nil }
        if let labels, labels.names == task.labels { return labels.ofRows }
        let found = try corpus.labels(in: task.labels)
        labels = (task.labels, found)
        return found
    }

    /// Folds what earlier rounds left into the base model, unless it is there already.
    private func fold(_ residual: [String: LoRAModule]) throws(TrainingError) {
        guard residual != self.residual else { return }
        model = try base.folding(residual)
        self.residual = residual
        let threads = passes.count
        passes = (0..<threads).map { _ in TrainingPass(model: model.network) }
        evaluation = EvaluationPass(model: model.network, threads: threads)
    }

    // MARK: - Evaluation

    /// Returns what the adapted model says of each of `rows`, in their order.
    ///
    /// - Parameters:
    ///   - rows: Rows of the corpus.
    ///   - adapter: What to judge.
    ///   - task: Labels and the length to which texts are cut.
    /// - Returns: One output a row, from which reports over any of them follow.
    /// - Throws: ``TrainingError``, or `CancellationError` when the task is cancelled.
    package func outputs(of rows: [Int], adapter: LoRAAdapter, task: TrainingTask) throws -> [TextOutput] {
        try task.check(for: model)
        try fold(adapter.residual)
        let layout = try AdapterLayout(
            adapter: adapter,
            model: model.network.adaptable,
            labelCount: task.labels.count
        )
        return try evaluation.outputs(
            of: rows,
            from: corpus,
            maximumLength: task.settings.maximumLength,
            adapter: ActiveAdapter(layout: layout, parameters: layout.flatten(adapter))
        )
    }

    /// Returns the metrics of outputs of `rows`.
    ///
    /// - Parameters:
    ///   - outputs: What ``outputs(of:adapter:task:)`` returned of these rows.
    ///   - rows: Rows of the corpus.
    ///   - task: The labels.
    /// - Returns: The metrics `loss`, `accuracy` and `macro_f1` of a classification, `loss` and `perplexity` of language
    ///   modelling; none when there are no rows.
    /// - Throws: ``TrainingError`` when a row has a label that the task does not know.
    package func report(
        on outputs: some Sequence<TextOutput>,
        of rows: some Sequence<Int>,
        task: TrainingTask
    ) throws -> EvaluationReport {
        guard let labels = try labels(of: task) else {
            var scores = NextTokenScores()
            for output in outputs { scores.add(output) }
            return scores.report
        }
        var scores = ClassificationScores(labelCount: task.labels.count)
        for (row, output) in zip(rows, outputs) { scores.add(logits: output.logits, label: Int(labels[row])) }
        return scores.report
    }
}
