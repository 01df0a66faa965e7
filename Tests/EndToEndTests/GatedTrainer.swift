import Adapters
import FederatedLearning
import Synchronization
import TestSupport

/// Trains like a ``ConstantTrainer``, but holds one round's training until the gate is opened.
final class GatedTrainer: LocalTrainer {
    private let base: ConstantTrainer
    private let gatedRound: Int
    private let isOpen = Mutex(false)
    private let (gate, gateContinuation) = AsyncStream.makeStream(of: Void.self)

    init(_ base: ConstantTrainer, gatedRound: Int) {
        self.base = base
        self.gatedRound = gatedRound
    }

    func open() {
        isOpen.withLock { $0 = true }
        gateContinuation.finish()
    }

    func train(
        _ adapter: LoRAAdapter,
        for order: WorkOrder,
        progress: @escaping @Sendable (TrainingProgress) -> Void
    ) async throws -> TrainingOutcome {
        if order.id.round == gatedRound, !isOpen.withLock({ $0 }) {
            for await _ in gate {}
            try Task.checkCancellation()
        }
        return try await base.train(adapter, for: order, progress: progress)
    }

    func evaluate(_ adapter: LoRAAdapter, for order: WorkOrder) async throws -> EvaluationReport {
        try await base.evaluate(adapter, for: order)
    }
}
