package import Adapters
package import FederatedLearning
private import LinearAlgebra

/// A trainer whose updates show in the sum: it adds a constant to one element of the saved head.
///
/// Each client adds to an element of its own. After a round, element i tells how often client i was counted, and with
/// what weight: a lost update leaves 0, a doubled one twice the amount.
package struct ConstantTrainer: LocalTrainer {
    /// Which element of every saved tensor this client adds to.
    package let element: Int
    package let delta: Float
    /// Added to the first element of every A and B, so that the low-rank part moves too.
    package let factorDelta: Float
    package let exampleCount: Int

    package init(element: Int, delta: Float = 1, factorDelta: Float = 0, exampleCount: Int = 1) {
        self.element = element
        self.delta = delta
        self.factorDelta = factorDelta
        self.exampleCount = exampleCount
    }

    package func train(
        _ adapter: LoRAAdapter,
        for order: WorkOrder,
        progress: @escaping @Sendable (TrainingProgress) -> Void
    ) async throws -> TrainingOutcome {
        progress(TrainingProgress(step: 1, stepCount: 1, loss: 1))
        var adapter = adapter
        for name in adapter.savedTensors.keys { adapter.savedTensors[name]?.elements[element] += delta }
        for path in adapter.modules.keys {
            adapter.modules[path]?.a[0, element] += factorDelta
            adapter.modules[path]?.b[element, 0] += factorDelta
        }
        return TrainingOutcome(
            adapter: adapter,
            exampleCount: exampleCount,
            metrics: ["loss": 1 / Double(order.id.round), "seconds": 0]
        )
    }

    package func evaluate(_ adapter: LoRAAdapter, for order: WorkOrder) async throws -> EvaluationReport {
        EvaluationReport(
            exampleCount: order.assignment.evaluation.sample ?? 100 * exampleCount,
            metrics: ["accuracy": Double(order.id.round) / 10]
        )
    }
}
