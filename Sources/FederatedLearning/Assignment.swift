/// What a client needs to know of a job to train or evaluate: the same for the whole cohort.
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

    package init(job: JobConfiguration, modelDigest: ContentDigest) {
        self.jobName = job.name
        self.model = job.model
        self.modelDigest = modelDigest
        self.task = job.task
        self.labels = job.labels
        self.adapter = job.adapter
        self.training = job.training
        self.evaluation = job.evaluation
        self.seed = job.seed
    }
}
