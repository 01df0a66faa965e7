private import Aggregation

/// What a client needs to know of a job to train or evaluate in one round: the same for the whole cohort.
package struct Assignment: Hashable, Sendable, Codable {
    package let jobName: String
    /// The base model's name as the job gives it; each side resolves it.
    package let model: String
    /// The SHA-256 of the base model's weights, which the client compares with its own before it works.
    package let modelDigest: ContentDigest
    package let task: JobConfiguration.Task
    package let labels: [String]
    package let adapter: JobConfiguration.Adapter
    package let training: JobConfiguration.Training
    package let evaluation: JobConfiguration.Evaluation
    package let seed: UInt64
    /// How many rounds the job has, or trainings in asynchronous rounds, over which the learning rate's schedule runs.
    package let rounds: Int
    /// What the job's strategy asks of the local training.
    package let rules: LocalRules
    /// What protects the silo's data; `nil` where nothing does.
    package let privacy: PrivacySettings?
    /// Who combines the updates, for the silo's policy.
    package let strategy: String
    /// How long a client that has lost its server goes on with the work.
    package let lease: Duration

    /// The lease where the server names none.
    package static let longestLease = Duration.seconds(86_400)

    package init(
        jobName: String,
        model: String,
        modelDigest: ContentDigest,
        task: JobConfiguration.Task,
        labels: [String],
        adapter: JobConfiguration.Adapter,
        training: JobConfiguration.Training,
        evaluation: JobConfiguration.Evaluation,
        seed: UInt64,
        rounds: Int = 1,
        rules: LocalRules = .plain,
        privacy: PrivacySettings? = nil,
        strategy: String = "",
        lease: Duration = longestLease
    ) {
        self.privacy = privacy
        self.jobName = jobName
        self.model = model
        self.modelDigest = modelDigest
        self.task = task
        self.labels = labels
        self.adapter = adapter
        self.training = training
        self.evaluation = evaluation
        self.seed = seed
        self.rounds = rounds
        self.rules = rules
        self.strategy = strategy
        self.lease = lease
    }

    package init(job: JobConfiguration, modelDigest: ContentDigest, rounds: Int? = nil, rules: LocalRules = .plain) {
        self.init(
            jobName: job.name,
            model: job.model,
            modelDigest: modelDigest,
            task: job.task,
            labels: job.labels,
            adapter: job.adapter,
            training: job.training,
            evaluation: job.evaluation,
            seed: job.seed,
            rounds: rounds ?? job.rounds,
            rules: rules,
            privacy: job.privacy,
            strategy: job.strategy.name,
            lease: min(job.cohort.deadline, Self.longestLease)
        )
    }
}

// An outbox of an earlier version lacks the keys that came later.
extension Assignment {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            jobName: try container.decode(String.self, forKey: .jobName),
            model: try container.decode(String.self, forKey: .model),
            modelDigest: try container.decode(ContentDigest.self, forKey: .modelDigest),
            task: try container.decode(JobConfiguration.Task.self, forKey: .task),
            labels: try container.decode([String].self, forKey: .labels),
            adapter: try container.decode(JobConfiguration.Adapter.self, forKey: .adapter),
            training: try container.decode(JobConfiguration.Training.self, forKey: .training),
            evaluation: try container.decode(JobConfiguration.Evaluation.self, forKey: .evaluation),
            seed: try container.decode(UInt64.self, forKey: .seed),
            rounds: try container.decodeIfPresent(Int.self, forKey: .rounds) ?? 1,
            rules: try container.decodeIfPresent(LocalRules.self, forKey: .rules) ?? .plain,
            privacy: try container.decodeIfPresent(PrivacySettings.self, forKey: .privacy),
            strategy: try container.decodeIfPresent(String.self, forKey: .strategy) ?? "",
            lease: try container.decodeIfPresent(Duration.self, forKey: .lease) ?? Self.longestLease
        )
    }
}
