import FederatedLearning
import LinearAlgebra

/// The optimizer of one local training, with what it carries from step to step.
///
/// Every round begins with a fresh one: strategies that recombine factors leave moments without meaning.
struct LocalOptimizer: Sendable {
    private enum Rule: Sendable {
        case adamW(Elementwise.AdamW)
        case sgd(momentum: Double, weightDecay: Double)
    }

    /// Parameters that lie next to each other and share a learning rate.
    private struct Group: Sendable {
        var range: Range<Int>
        let learningRate: Double
    }

    private let rule: Rule
    private let groups: [Group]
    /// What has been carried so far.
    private(set) var moments: OptimizerMoments
    private var step = 0

    /// Creates the optimizer that the settings name, for `count` parameters.
    ///
    /// - Parameters:
    ///   - settings: Optimizer, learning rate and the like.
    ///   - count: How many parameters there are.
    ///   - factorsB: Where the B's lie, in order. LoRA+ gives them a learning rate of their own (Hayou et al., 2024,
    ///     arXiv:2402.12354).
    init(_ settings: JobConfiguration.Training, count: Int, factorsB: [Range<Int>] = []) {
        moments = OptimizerMoments(first: [Float](repeating: 0, count: count), second: [])
        groups = Self.groups(
            count: count,
            factorsB: settings.loraPlusRatio == 1 ? [] : factorsB,
            learningRate: settings.learningRate,
            ratio: settings.loraPlusRatio
        )
        switch settings.optimizer {
        case .adamw:
            rule = .adamW(.init(learningRate: settings.learningRate, weightDecay: settings.weightDecay))
            moments.second = moments.first
        case .sgd:
            rule = .sgd(momentum: settings.momentum, weightDecay: settings.weightDecay)
        }
    }

    /// Divides 0..<count into ranges of equal learning rates.
    private static func groups(
        count: Int,
        factorsB: [Range<Int>],
        learningRate: Double,
        ratio: Double
    ) -> [Group] {
        var groups: [Group] = []
        func add(_ range: Range<Int>, _ learningRate: Double) {
            if let last = groups.last, last.learningRate == learningRate {
                groups[groups.count - 1].range = last.range.lowerBound..<range.upperBound
            } else if !range.isEmpty {
                groups.append(Group(range: range, learningRate: learningRate))
            }
        }
        var end = 0
        for range in factorsB {
            add(end..<range.lowerBound, learningRate)
            add(range, learningRate * ratio)
            end = range.upperBound
        }
        add(end..<count, learningRate)
        return groups
    }

    /// Changes `parameters` against their gradient.
    ///
    /// - Parameters:
    ///   - parameters: What is trained.
    ///   - gradient: Its gradient.
    ///   - factor: By what the learning rates are multiplied in this step.
    mutating func step(_ parameters: inout [Float], gradient: [Float], factor: Double = 1) {
        step += 1
        for group in groups {
            Self.apply(
                rule,
                to: &parameters,
                gradient,
                in: group.range,
                learningRate: group.learningRate * factor,
                step: step,
                first: &moments.first,
                second: &moments.second
            )
        }
    }

    /// Goes on from what an optimizer with the same settings carried after `step` steps.
    ///
    /// - Returns: Whether the moments are as many as this optimizer has; nothing is changed otherwise.
    mutating func resume(from moments: OptimizerMoments, step: Int) -> Bool {
        guard moments.first.count == self.moments.first.count, moments.second.count == self.moments.second.count else {
            return false
        }
        self.moments = moments
        self.step = step
        return true
    }

    /// Changes the parameters in `range`.
    private static func apply(
        _ rule: Rule,
        to parameters: inout [Float],
        _ gradient: [Float],
        in range: Range<Int>,
        learningRate: Double,
        step: Int,
        first: inout [Float],
        second: inout [Float]
    ) {
        let gradient = gradient.span.extracting(range)
        var parameters = parameters.mutableSpan
        var first = first.mutableSpan
        var second = second.mutableSpan
        parameters.withElements(in: range) { parameters in
            first.withElements(in: range) { first in
                switch rule {
                case .adamW(var settings):
                    settings.learningRate = learningRate
                    second.withElements(in: range) { second in
                        Elementwise.stepAdamW(
                            &parameters,
                            gradient: gradient,
                            firstMoment: &first,
                            secondMoment: &second,
                            settings: settings,
                            step: step
                        )
                    }
                case .sgd(let momentum, let weightDecay):
                    Elementwise.stepSGD(
                        &parameters,
                        gradient: gradient,
                        velocity: &first,
                        learningRate: learningRate,
                        momentum: momentum,
                        weightDecay: weightDecay
                    )
                }
            }
        }
    }
}
