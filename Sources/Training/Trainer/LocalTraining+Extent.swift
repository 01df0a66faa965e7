import Adapters
import FederatedLearning

extension LocalTraining {
    /// How many steps a training takes, and how many tokens go through the model, without training.
    package struct Extent: Sendable, Hashable {
        package let steps: Int
        package let tokens: Int
    }

    /// Counts the steps and tokens of a client's training exactly: its batches are known beforehand.
    ///
    /// - Parameters:
    ///   - rows: The client's training rows.
    ///   - client: The client's name.
    ///   - task: The settings, the seed and the round.
    ///   - corpus: Where the rows are found.
    /// - Returns: The extent; zero when there are no rows.
    /// - Complexity: O(rows), and O(rows · epochs) where `max_steps` ends the training early.
    package static func extent(of rows: [Int], client: String, task: TrainingTask, corpus: TextCorpus) -> Extent {
        let settings = task.settings
        guard !rows.isEmpty, settings.batchSize > 0, settings.epochs > 0 else { return Extent(steps: 0, tokens: 0) }
        if task.privacy != nil { return extentOfPrivate(rows, client: client, task: task, corpus: corpus) }
        func tokens(_ rows: some Sequence<Int>) -> Int {
            rows.reduce(0) { $0 + corpus.length(of: $1, maximumLength: settings.maximumLength) }
        }
        var schedule = BatchSchedule(
            rows: rows,
            batchSize: settings.batchSize,
            epochs: settings.epochs,
            maximumSteps: settings.maximumSteps,
            generator: task.generator(RandomStream.shuffle, client: client)
        )
        let perEpoch = (rows.count - 1) / settings.batchSize + 1
        let (epochs, rest) = schedule.stepCount.quotientAndRemainder(dividingBy: perEpoch)
        guard rest > 0 else { return Extent(steps: schedule.stepCount, tokens: epochs * tokens(rows)) }
        var count = 0
        while let batch = schedule.next() { count += tokens(batch) }
        return Extent(steps: schedule.stepCount, tokens: count)
    }

    /// Samples the batches as a simulation does.
    private static func extentOfPrivate(
        _ rows: [Int],
        client: String,
        task: TrainingTask,
        corpus: TextCorpus
    ) -> Extent {
        let training = LocalTraining(
            client: client,
            adapter: LoRAAdapter(modules: [:]),
            task: task,
            rows: rows,
            noise: .simulation
        )
        let steps = BatchSchedule.stepCount(of: rows.count, task.settings)
        guard var batches = try? PoissonBatches(training, stepCount: steps) else { return Extent(steps: 0, tokens: 0) }
        var tokens = 0
        while let batch = batches.next() {
            tokens += batch.reduce(0) { $0 + corpus.length(of: $1, maximumLength: task.settings.maximumLength) }
        }
        return Extent(steps: steps, tokens: tokens)
    }
}
