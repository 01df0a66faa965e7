import Adapters
import ClientDaemon
import FederatedLearning
import LinearAlgebra

/// A trainer that does what a test says.
struct ScriptedTrainer: LocalTrainer {
    var onTrain: @Sendable (LoRAAdapter, WorkOrder, (TrainingProgress) -> Void) async throws -> TrainingOutcome
    var onEvaluate: @Sendable (LoRAAdapter, WorkOrder) async throws -> EvaluationReport

    init(
        onTrain:
            @Sendable @escaping (LoRAAdapter, WorkOrder, (TrainingProgress) -> Void) async throws ->
            TrainingOutcome = { adapter, _, progress in
                progress(TrainingProgress(step: 1, stepCount: 1, loss: 0.5))
                return TrainingOutcome(adapter: adapter.doubled, exampleCount: 12, metrics: ["loss": 0.5])
            },
        onEvaluate: @Sendable @escaping (LoRAAdapter, WorkOrder) async throws -> EvaluationReport = { _, _ in
            EvaluationReport(exampleCount: 3, metrics: ["accuracy": 0.5])
        }
    ) {
        self.onTrain = onTrain
        self.onEvaluate = onEvaluate
    }

    func train(
        _ adapter: LoRAAdapter,
        for order: WorkOrder,
        progress: @escaping @Sendable (TrainingProgress) -> Void
    ) async throws -> TrainingOutcome {
        try await onTrain(adapter, order, progress)
    }

    func evaluate(_ adapter: LoRAAdapter, for order: WorkOrder) async throws -> EvaluationReport {
        try await onEvaluate(adapter, order)
    }
}

/// Gives one trainer for every order, as if it held whatever base model is asked for.
struct FixedTrainer: TrainerProvider {
    let trainer: any LocalTrainer

    func trainer(for order: WorkOrder) async throws -> ResidentModel {
        ResidentModel(digest: order.assignment.modelDigest, trainer: trainer)
    }
}

extension LoRAAdapter {
    /// An adapter of one module whose elements count from 1/256 to 1, again and again.
    static func counting(rank: Int = 4, width: Int = 600) -> LoRAAdapter {
        func matrix(_ rows: Int, _ columns: Int) -> Matrix {
            Matrix(rows: rows, columns: columns, elements: (0..<rows * columns).map { Float($0 % 256 + 1) / 256 })
        }
        return LoRAAdapter(modules: [
            "bert.encoder.layer.0.attention.self.query": LoRAModule(
                a: matrix(rank, width),
                b: matrix(width, rank),
                alpha: 16
            )
        ])
    }

    /// The adapter with every element of B doubled.
    var doubled: LoRAAdapter {
        var adapter = self
        for path in modules.keys {
            guard let module = adapter.modules[path] else { continue }
            let b = Matrix(rows: module.b.rows, columns: module.b.columns, elements: module.b.elements.map { $0 * 2 })
            adapter.modules[path] = LoRAModule(a: module.a, b: b, alpha: module.alpha)
        }
        return adapter
    }
}
