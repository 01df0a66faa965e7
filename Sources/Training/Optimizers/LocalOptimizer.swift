import FederatedLearning
import LinearAlgebra

/// The optimizer of one local training, with what it carries from step to step.
///
/// Every round begins with a fresh one: strategies that recombine factors leave moments without meaning.
struct LocalOptimizer: Sendable {
    private enum Rule: Sendable {
        case adamW(Elementwise.AdamW)
        case sgd(learningRate: Double, momentum: Double, weightDecay: Double)
    }

    private let rule: Rule
    /// The first moment, or the velocity.
    private var momentum: [Float]
    private var secondMoment: [Float]
    private var step = 0

    /// Creates the optimizer that the settings name, for `count` parameters.
    init(_ settings: JobConfiguration.Training, count: Int) {
        momentum = [Float](repeating: 0, count: count)
        switch settings.optimizer {
        case .adamw:
            rule = .adamW(.init(learningRate: settings.learningRate, weightDecay: settings.weightDecay))
            secondMoment = momentum
        case .sgd:
            rule = .sgd(
                learningRate: settings.learningRate,
                momentum: settings.momentum,
                weightDecay: settings.weightDecay
            )
            secondMoment = []
        }
    }

    /// Changes `parameters` against their gradient.
    mutating func step(_ parameters: inout [Float], gradient: [Float]) {
        step += 1
        switch rule {
        case .adamW(let settings):
            Self.step(&parameters, gradient, settings, step: step, first: &momentum, second: &secondMoment)
        case .sgd(let learningRate, let decay, let weightDecay):
            var parameters = parameters.mutableSpan
            var velocity = momentum.mutableSpan
            Elementwise.stepSGD(
                &parameters,
                gradient: gradient.span,
                velocity: &velocity,
                learningRate: learningRate,
                momentum: decay,
                weightDecay: weightDecay
            )
        }
    }

    private static func step(
        _ parameters: inout [Float],
        _ gradient: [Float],
        _ settings: Elementwise.AdamW,
        step: Int,
        first: inout [Float],
        second: inout [Float]
    ) {
        var parameters = parameters.mutableSpan
        var first = first.mutableSpan
        var second = second.mutableSpan
        Elementwise.stepAdamW(
            &parameters,
            gradient: gradient.span,
            firstMoment: &first,
            secondMoment: &second,
            settings: settings,
            step: step
        )
    }
}
