package import Adapters
package import FederatedLearning

/// Trains and judges adapters for simulated clients, several at a time.
///
/// The cohort asks for the workload when it hands out an order, and for the training when virtual time comes near its end.
/// What is computed depends on adapter, order and client alone.
package protocol SimulatedTrainer: Sendable {
    /// How many clients are best trained together.
    var groupSize: Int { get }

    /// What the trainer can do.
    var tasks: Set<JobConfiguration.Task> { get }

    /// Returns how much a client's local training takes, without doing it.
    func workload(of client: SimulatedClient, for order: WorkOrder) -> Workload

    /// Trains; one result a request, in their order. A client that fails does not keep the others from their results.
    func train(_ requests: [TrainingRequest]) async -> [Result<TrainingOutcome, any Error>]

    /// Judges one adapter on the held-out rows of several clients.
    func evaluate(
        _ adapter: LoRAAdapter,
        for order: WorkOrder,
        by clients: [SimulatedClient]
    ) async throws -> GroupEvaluation
}

/// What one client is to train.
package struct TrainingRequest: Sendable {
    package let client: SimulatedClient
    package let adapter: LoRAAdapter
    package let order: WorkOrder

    package init(client: SimulatedClient, adapter: LoRAAdapter, order: WorkOrder) {
        self.client = client
        self.adapter = adapter
        self.order = order
    }
}

/// How much a local training takes.
package struct Workload: Sendable, Hashable {
    package let steps: Int
    package let tokens: Int

    package init(steps: Int, tokens: Int) {
        self.steps = steps
        self.tokens = tokens
    }
}

/// What several clients say of one adapter.
package struct GroupEvaluation: Sendable, Hashable {
    /// One report a client.
    package let reports: [EvaluationReport]
    /// The figures over all their rows together.
    package let pooled: EvaluationReport

    package init(reports: [EvaluationReport], pooled: EvaluationReport) {
        self.reports = reports
        self.pooled = pooled
    }
}
