import Adapters
import FederatedLearning
import TestSupport

/// Trains like a ``ConstantTrainer``, and takes the time that training takes on a machine of its own.
struct PacedTrainer: LocalTrainer {
    let base: ConstantTrainer
    let duration: Duration

    func train(
        _ adapter: LoRAAdapter,
        for order: WorkOrder,
        progress: @escaping @Sendable (TrainingProgress) -> Void
    ) async throws -> TrainingOutcome {
        if duration > .zero { try await Task.sleep(for: duration) }
        return try await base.train(adapter, for: order, progress: progress)
    }

    func evaluate(_ adapter: LoRAAdapter, for order: WorkOrder) async throws -> EvaluationReport {
        try await base.evaluate(adapter, for: order)
    }
}
