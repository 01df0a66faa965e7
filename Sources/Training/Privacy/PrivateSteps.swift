import Adapters
import DifferentialPrivacy
import FederatedLearning

/// What a private training does in another way: who is in a batch, and what becomes of the sum of their gradients.
struct PrivateSteps: Sendable {
    private var batches: PoissonBatches
    private var noise: GradientNoise
    /// B = q·n: how many examples a batch is expected to have.
    private let expectedBatch: Double
    /// What each text's gradient is clipped by.
    let clipping: ExampleClipping

    /// Prepares the steps of a training.
    ///
    /// - Parameters:
    ///   - training: What is to be done.
    ///   - privacy: Clipping and noise.
    ///   - trained: Which numbers are trained.
    ///   - stepCount: How many steps there are.
    /// - Throws: ``TrainingError/invalidSetting(key:problem:remedy:)`` when a setting is out of range.
    init(
        _ training: LocalTraining,
        _ privacy: ExampleLevelPrivacy,
        trained: TrainableParameters,
        stepCount: Int
    ) throws(TrainingError) {
        do {
            batches = try PoissonBatches(training, stepCount: stepCount)
            noise = try GradientNoise(privacy, count: trained.count, of: training)
        } catch {
            throw TrainingError(error)
        }
        expectedBatch = training.samplingRate * Double(training.rows.count)
        clipping = ExampleClipping(
            norm: noise.clippingNorm,
            trained: training.task.rules.scope.trained,
            bases: trained.bases
        )
    }

    /// Returns the rows of the next step, which may be none; `nil` after the last step.
    mutating func nextBatch() -> [Int]? { batches.next() }

    /// Makes the gradient to step with of a sum of clipped gradients.
    ///
    /// - Parameters:
    ///   - sum: The sum, which the gradient takes the place of.
    ///   - step: Which step it is, for the error.
    /// - Throws: ``TrainingError/divergedLoss(step:loss:)`` when a gradient is not finite.
    mutating func average(_ sum: inout [Float], step: Int) throws(TrainingError) {
        do {
            try noise.average(&sum, over: expectedBatch)
        } catch {
            throw .divergedLoss(step: step, loss: .nan)
        }
    }
}

extension TrainingError {
    /// A setting that a mechanism refuses.
    init(_ error: PrivacyError) {
        if case .parameter(let name, let value, let range) = error {
            self = .invalidSetting(key: name, problem: "is \(value)", remedy: "Write \(range).")
        } else {
            self = .invalidSetting(key: "privacy", problem: "cannot be had", remedy: error.description)
        }
    }
}
