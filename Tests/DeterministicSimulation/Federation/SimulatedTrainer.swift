import Adapters
import ClientDaemon
import FederatedLearning
import TestSupport

/// The trainer of one simulated client: takes a while, then adds a constant to an element of its own.
///
/// Lost and doubled updates show in the sum (`ConstantTrainer`).
struct SimulatedTrainer: LocalTrainer, TrainerProvider {
    private let base: ConstantTrainer
    /// Draws how long an order takes; throws when the training is to fail.
    private let effort: @Sendable () throws -> Duration
    private let change: @Sendable (LoRAAdapter, WorkOrder) -> LoRAAdapter

    /// Creates a client's trainer; `change` spoils what it starts from, for a bug that is planted.
    init(
        client: Int,
        effort: @escaping @Sendable () throws -> Duration,
        change: @escaping @Sendable (LoRAAdapter, WorkOrder) -> LoRAAdapter = { adapter, _ in adapter }
    ) {
        self.base = Self.base(of: client)
        self.effort = effort
        self.change = change
    }

    /// What a client computes, however long it takes.
    static func base(of client: Int) -> ConstantTrainer {
        ConstantTrainer(
            element: client,
            delta: Float(client + 1) / 8,
            factorDelta: 0.125,
            exampleCount: client % 3 + 1
        )
    }

    func trainer(for order: WorkOrder) async throws -> ResidentModel {
        ResidentModel(digest: order.assignment.modelDigest, trainer: self)
    }

    func train(
        _ adapter: LoRAAdapter,
        for order: WorkOrder,
        progress: @escaping @Sendable (TrainingProgress) -> Void
    ) async throws -> TrainingOutcome {
        try await Task.sleep(for: effort())
        return try await base.train(change(adapter, order), for: order, progress: progress)
    }

    func evaluate(_ adapter: LoRAAdapter, for order: WorkOrder) async throws -> EvaluationReport {
        try await Task.sleep(for: .milliseconds(50))
        return try await base.evaluate(adapter, for: order)
    }
}
