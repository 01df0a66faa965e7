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
    /// How many rounds the job has, over which the learning rate's schedule runs.
    package let rounds: Int
    /// What the job's strategy asks of the local training.
    package let rules: LocalRules

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
        rules: LocalRules = .plain
    ) {
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
    }

    package init(job: JobConfiguration, modelDigest: ContentDigest, rules: LocalRules = .plain) {
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
            rounds: job.rounds,
            rules: rules
        )
    }
}
