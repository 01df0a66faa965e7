import Adapters
import FederatedLearning

/// One client's view of the shared trainer.
struct SingleClientTrainer: LocalTrainer {
    let trainer: any SimulatedTrainer
    let client: SimulatedClient

    func train(
        _ adapter: LoRAAdapter,
        for order: WorkOrder,
        progress: @escaping @Sendable (TrainingProgress) -> Void
    ) async throws -> TrainingOutcome {
        let results = await trainer.train([TrainingRequest(client: client, adapter: adapter, order: order)])
        guard let result = results.first else { throw CancellationError() }
        return try result.get()
    }

    func evaluate(_ adapter: LoRAAdapter, for order: WorkOrder) async throws -> EvaluationReport {
        try await trainer.evaluate(adapter, for: order, by: [client]).pooled
    }
}
