import Adapters
import FederatedLearning
import LinearAlgebra

/// One local training between two steps: a value that hands out what a step computes and takes back what was found.
///
/// It never runs the model itself, so whoever drives it may run several side by side or fused. Its steps follow from the
/// ``LocalTraining`` alone.
struct TrainingSession: Sendable {
    private let training: LocalTraining
    /// The label of each row of the corpus; `nil` when the targets are the next tokens.
    private let labels: [Int32]?
    private let trained: TrainableParameters
    private let correction: LocalCorrection
    private var schedule: BatchSchedule
    /// Samples and noise, where single examples are protected; the schedule only says how many steps there are then.
    private var privateSteps: PrivateSteps?
    /// Draws the seed of each step's dropout masks.
    private var masks: CounterGenerator
    private var optimizer: LocalOptimizer
    private var active: ActiveAdapter
    /// What is trained, and its gradient.
    private var values: [Float]
    private var gradient: [Float] = []
    private var modelGradient: [Float] = []
    /// The sum of clipped gradients, where single examples are protected: in 64 bits, because what rounding changes in it is
    /// not bounded by the clipping norm.
    private var clippedSum: [Double] = []
    /// How many losses the step at hand has.
    private var targetCount = 0
    private var step = 0
    private var totals = TrainingCheckpoint.Totals()
    private let start = ContinuousClock.now

    /// Prepares a training.
    ///
    /// - Parameters:
    ///   - training: What is to be done.
    ///   - model: The places of the model that the adapter changes.
    ///   - labels: The label of each row of the corpus.
    /// - Throws: ``TrainingError`` when the adapter does not fit the model, or there are no rows.
    init(_ training: LocalTraining, model: AdaptableLayers, labels: [Int32]?) throws(TrainingError) {
        guard !training.rows.isEmpty else { throw .noTrainingRows(path: training.client) }
        self.training = training
        self.labels = labels
        let (task, adapter) = (training.task, training.adapter)
        let layout = try AdapterLayout(adapter: adapter, model: model, labelCount: task.labels.count)
        schedule = BatchSchedule(
            rows: training.rows,
            batchSize: task.settings.batchSize,
            epochs: task.settings.epochs,
            maximumSteps: task.settings.maximumSteps,
            generator: task.generator(RandomStream.shuffle, client: training.client)
        )
        masks = task.generator(RandomStream.dropout, client: training.client)
        active = ActiveAdapter(layout: layout, parameters: layout.flatten(adapter))
        trained = try TrainableParameters(layout: layout, adapter: adapter, trained: task.rules.scope.trained)
        values = trained.initialValues(in: active.parameters)
        correction = LocalCorrection(task, parameters: trained, start: values, adapter: adapter)
        optimizer = LocalOptimizer(task.settings, count: trained.count, factorsB: trained.rangesOfB)
        if let privacy = task.privacy {
            privateSteps = try PrivateSteps(training, privacy, trained: trained, stepCount: schedule.stepCount)
        }
    }

    /// Returns the shards of the next step as segments; `nil` when there are no more steps.
    ///
    /// There are none when nobody was sampled for a private step, which takes place nevertheless.
    mutating func beginStep(corpus: TextCorpus) -> [TrainingSegment]? {
        guard let rows = privateSteps == nil ? schedule.next() : privateSteps?.nextBatch() else { return nil }
        let task = training.task
        let shards =
            rows.isEmpty
            ? []
            : TrainingBatch.shards(
                of: rows,
                from: corpus,
                labels: labels,
                maximumLength: task.settings.maximumLength
            )
        if task.dropout > 0 {
            active.dropout = .init(probability: Float(task.dropout), seed: masks.next())
        }
        step += 1
        targetCount = shards.reduce(0) { $0 + $1.targetCount }
        totals.tokenCount += shards.reduce(0) { $0 + $1.texts.tokenCount }
        modelGradient.resize(to: active.layout.count)
        modelGradient.clear()
        if privateSteps != nil { clearClippedSum() }
        totals.latestLoss = 0
        return shards.enumerated().map { index, shard in
            var adapter = active
            // Each shard's masks are its own.
            adapter.dropout?.seed &+= UInt64(index) &* 0xA24B_AED4_963E_E407
            return TrainingSegment(
                batch: shard,
                weight: 1 / Double(targetCount),
                adapter: adapter,
                clipping: privateSteps?.clipping
            )
        }
    }

    private mutating func clearClippedSum() {
        guard clippedSum.count == active.layout.count else {
            clippedSum = [Double](repeating: 0, count: active.layout.count)
            return
        }
        for index in clippedSum.indices { clippedSum[index] = 0 }
    }

    /// Takes what one segment of the step gave; they come in their order.
    ///
    /// - Parameters:
    ///   - loss: The sum of its targets' losses.
    ///   - found: Its gradient.
    mutating func add(loss: Double, gradient found: Span<Float>) {
        totals.latestLoss += loss
        guard privateSteps == nil else {
            var sum = clippedSum.mutableSpan
            for index in 0..<sum.count { sum[index] += Double(found[index]) }
            return
        }
        var sum = modelGradient.mutableSpan
        Elementwise.add(found, to: &sum)
    }

    /// Steps with the gradient that has been added up.
    ///
    /// The segments of the step have been let go before, so that the adapter is changed in place.
    ///
    /// - Returns: How far the training is; its loss is 0 where single examples are protected, since losses are not.
    /// - Throws: ``TrainingError/divergedLoss(step:loss:)`` when the loss is not finite.
    mutating func finishStep() throws(TrainingError) -> TrainingProgress {
        let (task, settings) = (training.task, training.task.settings)
        if privateSteps != nil {
            for index in clippedSum.indices { modelGradient[index] = Float(clippedSum[index]) }
        }
        trained.gradient(of: modelGradient, into: &gradient)
        if privateSteps == nil {
            totals.latestLoss /= Double(targetCount)
            guard totals.latestLoss.isFinite else { throw .divergedLoss(step: step, loss: totals.latestLoss) }
        } else {
            totals.latestLoss = 0
            try privateSteps?.average(&gradient, step: step)
        }
        correction.add(to: &gradient, at: values)
        if let limit = settings.maximumGradientNorm { GradientClipping.clip(&gradient, toNorm: limit) }
        let progress = JobProgress(round: task.round, rounds: task.rounds, stepCount: schedule.stepCount)
        optimizer.step(
            &values,
            gradient: gradient,
            factor: settings.schedule.factor(at: progress.before(step: step), warmupRatio: settings.warmupRatio)
        )
        trained.write(values, to: &active.parameters)
        totals.lossSum += totals.latestLoss
        return TrainingProgress(step: step, stepCount: schedule.stepCount, loss: totals.latestLoss)
    }

    // MARK: - Going on after an end

    /// How long the training has taken, in seconds, earlier attempts included.
    private var seconds: Double { totals.seconds + (ContinuousClock.now - start) / .seconds(1) }

    /// Where the training stands after a step.
    ///
    /// `nil` where single examples are protected: whoever could go on there would have to know which ones were sampled,
    /// and the protection is that nobody does.
    var checkpoint: TrainingCheckpoint? {
        guard privateSteps == nil else { return nil }
        var totals = totals
        totals.seconds = seconds
        return TrainingCheckpoint(step: step, values: values, moments: optimizer.moments, totals: totals)
    }

    /// Goes on where an earlier attempt at the same training stood, instead of at the first step.
    ///
    /// - Returns: Whether `checkpoint` can be of this training; nothing is changed otherwise.
    @discardableResult
    mutating func resume(from checkpoint: TrainingCheckpoint) -> Bool {
        guard privateSteps == nil, step == 0, 1 <= checkpoint.step, checkpoint.step <= schedule.stepCount,
            checkpoint.values.count == values.count,
            optimizer.resume(from: checkpoint.moments, step: checkpoint.step)
        else { return false }
        // Batches and masks are drawn anew, so that the next ones are those that would have come.
        for _ in 0..<checkpoint.step {
            _ = schedule.next()
            if training.task.dropout > 0 { _ = masks.next() }
        }
        values = checkpoint.values
        trained.write(values, to: &active.parameters)
        (step, totals) = (checkpoint.step, checkpoint.totals)
        return true
    }

    /// Returns the trained adapter with what was measured.
    ///
    /// - Throws: ``TrainingError/divergedLoss(step:loss:)`` when a number is not finite.
    func outcome() throws(TrainingError) -> TrainingOutcome {
        // The last step's own loss was finite; what it led to need not be.
        guard values.allSatisfy({ $0.isFinite }) else { throw .divergedLoss(step: step, loss: .infinity) }
        var metrics = ["steps": Double(step), "seconds": seconds]
        if privateSteps == nil {
            // Each of them tells something about single examples.
            metrics["loss"] = totals.lossSum / Double(step)
            metrics["final_loss"] = totals.latestLoss
            metrics["tokens"] = Double(totals.tokenCount)
        }
        return TrainingOutcome(
            adapter: trained.adapter(values),
            exampleCount: training.rows.count,
            metrics: metrics,
            stepCount: step,
            noisedSteps: training.noisedSteps
        )
    }
}
