import FederatedLearning

/// Makes sessions when threads ask for them, so that only trainings under way hold an optimizer's state.
struct SessionFactory: Sendable {
    /// A training that has been checked, with the label of each row of the corpus.
    struct Training: Sendable {
        let training: LocalTraining
        let labels: [Int32]?
    }

    typealias Prepared = Result<Training, any Error>

    let prepared: [Prepared]
    let model: AdaptableLayers

    /// Starts the training at `place`.
    ///
    /// - Throws: ``TrainingError`` that says what does not fit.
    func session(_ place: Int) throws -> TrainingSession {
        let training = try prepared[place].get()
        return try TrainingSession(training.training, model: model, labels: training.labels)
    }

    /// About how many tokens a step of the training at `place` has.
    func tokensPerStep(_ place: Int, corpus: TextCorpus) -> Double {
        guard let training = try? prepared[place].get().training, !training.rows.isEmpty else { return 0 }
        let settings = training.task.settings
        let tokens = training.rows.reduce(0) { $0 + corpus.length(of: $1, maximumLength: settings.maximumLength) }
        let batch = min(settings.batchSize, training.rows.count)
        return Double(tokens) / Double(training.rows.count) * Double(batch)
    }
}

extension LocalTraining {
    /// How many texts the training sees, by which long trainings are told from short ones.
    var approximateCost: Int {
        let settings = task.settings
        let (all, overflows) = rows.count.multipliedReportingOverflow(by: max(settings.epochs, 1))
        let (limit, isBeyond) = (settings.maximumSteps ?? .max).multipliedReportingOverflow(
            by: max(settings.batchSize, 1)
        )
        return min(overflows ? .max : all, isBeyond ? .max : limit)
    }
}
