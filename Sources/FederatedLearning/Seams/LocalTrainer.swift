package import Adapters
package import DifferentialPrivacy

/// Trains and evaluates adapters on one silo's data.
///
/// The client half of a round calls ``train(_:for:progress:)`` once a training order and ``evaluate(_:for:)`` once an
/// evaluation order, never two at a time. The base model is loaded before and stays resident between calls.
package protocol LocalTrainer: Sendable {
    /// Trains `adapter` and returns it with what was measured.
    ///
    /// The order's rules say which factors to train. Where the adapter has controls, each is added to every gradient of
    /// the tensor that it is named after.
    ///
    /// - Throws: When the assignment does not fit the silo (another base model, unknown labels) or the loss is no longer
    ///   finite. `CancellationError` when the task is cancelled between two steps.
    func train(
        _ adapter: LoRAAdapter,
        for order: WorkOrder,
        progress: @escaping @Sendable (TrainingProgress) -> Void
    ) async throws -> TrainingOutcome

    /// Evaluates `adapter` on the silo's held-out data.
    func evaluate(_ adapter: LoRAAdapter, for order: WorkOrder) async throws -> EvaluationReport
}

/// How far a local training has come.
package struct TrainingProgress: Hashable, Sendable, Codable {
    package let step: Int
    package let stepCount: Int
    /// The mean training loss of the latest step; 0 where single examples are protected, because a loss is not.
    package let loss: Double

    package init(step: Int, stepCount: Int, loss: Double) {
        self.step = step
        self.stepCount = stepCount
        self.loss = loss
    }
}

/// What a local training leaves.
package struct TrainingOutcome: Sendable, Equatable {
    package let adapter: LoRAAdapter
    /// n: how many training examples the silo has.
    package let exampleCount: Int
    /// Named figures such as `loss` and `seconds`, stored with the round.
    package let metrics: [String: Double]
    /// K: how many steps were taken; SCAFFOLD needs it.
    package let stepCount: Int
    /// What the steps cost in privacy where they were noised; `nil` where they were not.
    package let noisedSteps: NoisedSteps?

    package init(
        adapter: LoRAAdapter,
        exampleCount: Int,
        metrics: [String: Double],
        stepCount: Int = 0,
        noisedSteps: NoisedSteps? = nil
    ) {
        self.noisedSteps = noisedSteps
        self.stepCount = stepCount
        self.adapter = adapter
        self.exampleCount = exampleCount
        self.metrics = metrics
    }
}

/// What an evaluation measured.
package struct EvaluationReport: Hashable, Sendable, Codable {
    /// How many held-out examples were judged.
    package let exampleCount: Int
    /// Named figures: `loss`, `accuracy` and `macro_f1` for a classification.
    package let metrics: [String: Double]

    package init(exampleCount: Int, metrics: [String: Double]) {
        self.exampleCount = exampleCount
        self.metrics = metrics
    }
}
