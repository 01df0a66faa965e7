package import FederatedLearning

/// Gives the trainer that holds the base model of an order.
///
/// The ``OrderWorker`` calls it once an order, never two at a time. Whoever conforms keeps the model between calls.
package protocol TrainerProvider: Sendable {
    /// Finds out before the daemon connects whether there can be a trainer at all; by default there is nothing to find out.
    func prepare() async throws

    /// Returns the model that `order` names, ready to work.
    ///
    /// - Throws: Why this machine has no such model.
    func trainer(for order: WorkOrder) async throws -> ResidentModel
}

extension TrainerProvider {
    package func prepare() async throws {}
}

/// A base model in memory.
package struct ResidentModel: Sendable {
    /// The SHA-256 of its weights.
    package let digest: ContentDigest
    package let trainer: any LocalTrainer
    /// What it can be trained for.
    package let tasks: Set<JobConfiguration.Task>

    package init(
        digest: ContentDigest,
        trainer: any LocalTrainer,
        tasks: Set<JobConfiguration.Task> = [.sequenceClassification]
    ) {
        self.tasks = tasks
        self.digest = digest
        self.trainer = trainer
    }
}
