/// The section that says how clients train.
extension JobFile {
    static func training(of job: JobFileSection<JobKey>) throws(JobFileError) -> JobConfiguration.Training {
        guard let section = try section(.training, of: job, keys: TrainingKey.self) else { return .init() }
        let standard = JobConfiguration.Training()
        let optimizer =
            try section.choice(.optimizer, of: JobConfiguration.Training.Optimizer.self)
            ?? standard.optimizer
        let momentum = try section.number(.momentum, allowed: "a number from 0 to below 1") { (0..<1).contains($0) }
        guard momentum ?? 0 == 0 || optimizer == .sgd else {
            throw .contradiction(
                section.place(.momentum),
                problem: "has no effect with `optimizer: adamw`",
                remedy: "Remove it, or write `optimizer: sgd`."
            )
        }
        let schedule = try section.choice(.schedule, of: LearningRateSchedule.self) ?? standard.schedule
        return .init(
            epochs: try section.integer(.epochs, in: 1...10_000) ?? standard.epochs,
            maximumSteps: try section.integer(.maximumSteps, in: 1...100_000_000),
            batchSize: try section.integer(.batchSize, in: 1...65_536) ?? standard.batchSize,
            maximumLength: try section.integer(.maximumLength, in: 3...1_048_576) ?? standard.maximumLength,
            optimizer: optimizer,
            learningRate: try section.number(.learningRate, allowed: "a number above 0 and at most 100") {
                $0 > 0 && $0 <= 100
            } ?? standard.learningRate,
            schedule: schedule,
            warmupRatio: try section.number(.warmupRatio, allowed: "a number from 0 to below 1") {
                (0..<1).contains($0)
            } ?? standard.warmupRatio,
            loraPlusRatio: try section.number(.loraPlusRatio, allowed: "a number from 0.01 to 1000") {
                (0.01...1000).contains($0)
            } ?? standard.loraPlusRatio,
            maximumGradientNorm: try section.number(.maximumGradientNorm, allowed: "a number above 0") { $0 > 0 },
            weightDecay: try section.number(.weightDecay, allowed: "a number from 0 to 100") { (0...100).contains($0) }
                ?? standard.weightDecay,
            momentum: momentum ?? standard.momentum,
            proximalMu: try section.number(.proximalMu, allowed: "a number from 0 to 100") { (0...100).contains($0) }
                ?? standard.proximalMu,
            usesControlVariates: try section.flag(.scaffold) ?? standard.usesControlVariates
        )
    }
}
