import Adapters
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
    /// How single examples are protected; `nil` when they are not.
    package var privacy: ExampleLevelPrivacy?

    package init(
        labels: [String],
        settings: JobConfiguration.Training = JobConfiguration.Training(),
        dropout: Double = 0,
        evaluationSample: Int? = nil,
        seed: UInt64 = 1,
        round: Int = 1,
        rounds: Int = 1,
        rules: LocalRules = .plain,
        privacy: ExampleLevelPrivacy? = nil
    ) {
        self.labels = labels
        self.settings = settings
        self.dropout = dropout
        self.evaluationSample = evaluationSample
        self.seed = seed
        self.round = round
        self.rounds = rounds
        self.rules = rules
        self.privacy = privacy
    }

    /// Takes what concerns the trainer out of an order.
    ///
    package init(_ order: WorkOrder) {
        let assignment = order.assignment
        self.init(
            labels: assignment.task == .causalLanguageModel ? [] : assignment.labels,
            settings: assignment.training,
            dropout: assignment.adapter.dropout,
            evaluationSample: assignment.evaluation.sample,
            seed: assignment.seed,
            round: order.id.round,
            rounds: assignment.rounds,
            rules: assignment.rules,
            privacy: assignment.privacy.flatMap { privacy in
                guard privacy.mechanism == .exampleLevel else { return nil }
                return ExampleLevelPrivacy(
                    clippingNorm: privacy.clippingNorm,
                    noiseMultiplier: privacy.noiseMultiplier
                )
            }
        )
    }

    /// A classification where there are labels; without, the targets are the next tokens.
    package var kind: JobConfiguration.Task { labels.isEmpty ? .causalLanguageModel : .sequenceClassification }

    /// Refuses what a model cannot do, before anything is computed.
    func check(for model: BaseModel) throws(TrainingError) {
        let longestText = model.configuration.longestText
        guard model.tasks.contains(kind) else {
            throw .unsupportedTask(kind.rawValue, possible: model.tasks.map(\.rawValue).sorted())
        }
        guard labels.count != 1 else {
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
        guard privacy == nil || dropout == 0 else {
            throw .invalidSetting(
                key: "lora_dropout",
                problem: "is \(dropout) where single examples are protected",
                remedy: "Set it to 0: masks would tie an example's gradient to the others in its batch."
            )
        }
    }
}
