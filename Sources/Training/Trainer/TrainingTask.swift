package import FederatedLearning

/// What a trainer is asked to do with an adapter, whoever asks: a round of a federation or a person at a terminal.
package struct TrainingTask: Sendable {
    /// The class names, in the order of the head's rows.
    package var labels: [String]
    package var settings: JobConfiguration.Training
    /// With which probability elements of the adapters' inputs are dropped.
    package var dropout: Double
    /// How many held-out texts an evaluation uses; `nil` for all.
    package var evaluationSample: Int?
    package var seed: UInt64
    /// Which round it is: every round sees the texts in another order.
    package var round: Int
    /// How many rounds the job has, over which the learning rate's schedule runs.
    package var rounds: Int
    /// What the job's strategy asks of the training.
    package var rules: LocalRules

    package init(
        labels: [String],
        settings: JobConfiguration.Training = JobConfiguration.Training(),
        dropout: Double = 0,
        evaluationSample: Int? = nil,
        seed: UInt64 = 1,
        round: Int = 1,
        rounds: Int = 1,
        rules: LocalRules = .plain
    ) {
        self.labels = labels
        self.settings = settings
        self.dropout = dropout
        self.evaluationSample = evaluationSample
        self.seed = seed
        self.round = round
        self.rounds = rounds
        self.rules = rules
    }

    /// Takes what concerns the trainer out of an order.
    ///
    /// - Throws: ``TrainingError/unsupportedTask(_:)`` for anything but a classification.
    package init(_ order: WorkOrder) throws(TrainingError) {
        let assignment = order.assignment
        guard assignment.task == .sequenceClassification else { throw .unsupportedTask(assignment.task.rawValue) }
        self.init(
            labels: assignment.labels,
            settings: assignment.training,
            dropout: assignment.adapter.dropout,
            evaluationSample: assignment.evaluation.sample,
            seed: assignment.seed,
            round: order.id.round,
            rounds: assignment.rounds,
            rules: assignment.rules
        )
    }

    /// Refuses what a model of `longestText` tokens cannot do, before anything is computed.
    func check(longestText: Int) throws(TrainingError) {
        guard labels.count > 1 else {
            throw .invalidSetting(
                key: "labels",
                problem: "has \(labels.count) of them",
                remedy: "Name every class of the data, at least two."
            )
        }
        guard 3 <= settings.maximumLength, settings.maximumLength <= longestText else {
            throw .invalidSetting(
                key: "max_length",
                problem: "is \(settings.maximumLength)",
                remedy: "This model takes from 3 to \(longestText) tokens."
            )
        }
        let counts = [
            ("batch_size", settings.batchSize), ("epochs", settings.epochs), ("max_steps", settings.maximumSteps ?? 1),
        ]
        for (key, value) in counts where value < 1 {
            throw .invalidSetting(key: key, problem: "is \(value)", remedy: "It must be at least 1.")
        }
        guard 0 <= dropout, dropout < 1 else {
            throw .invalidSetting(
                key: "lora_dropout",
                problem: "is \(dropout)",
                remedy: "It must be at least 0 and below 1."
            )
        }
    }
}
