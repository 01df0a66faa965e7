private import CKernels
private import Glibc

extension Elementwise {
    /// The settings of AdamW that stay the same from step to step.
    package struct AdamW: Sendable, Hashable {
        package var learningRate: Double
        package var beta1: Double
        package var beta2: Double
        package var epsilon: Double
        package var weightDecay: Double

        /// Creates settings; the defaults are PyTorch's.
        package init(
            learningRate: Double,
            beta1: Double = 0.9,
            beta2: Double = 0.999,
            epsilon: Double = 1e-8,
            weightDecay: Double = 0
        ) {
            self.learningRate = learningRate
            self.beta1 = beta1
            self.beta2 = beta2
            self.epsilon = epsilon
            self.weightDecay = weightDecay
        }
    }

    /// One step of AdamW (Loshchilov & Hutter, 2019), in the order of operations of PyTorch.
    ///
    /// - Parameters:
    ///   - parameters: p, which the step changes.
    ///   - gradient: The gradient of p.
    ///   - firstMoment: m, zeros before the first step.
    ///   - secondMoment: v, zeros before the first step.
    ///   - settings: Learning rate, betas, ε and decoupled weight decay.
    ///   - step: Counts from 1.
    package static func stepAdamW(
        _ parameters: inout MutableSpan<Float>,
        gradient: Span<Float>,
        firstMoment: inout MutableSpan<Float>,
        secondMoment: inout MutableSpan<Float>,
        settings: AdamW,
        step: Int
    ) {
        let count = parameters.count
        precondition(
            gradient.count == count && firstMoment.count == count && secondMoment.count == count && step > 0,
            "a step \(step) over \(count) parameters, \(gradient.count) gradients"
        )
        let constants = tributary_adamw_step(
            learning_rate: Float(settings.learningRate),
            beta1: Float(settings.beta1),
            beta2: Float(settings.beta2),
            epsilon: Float(settings.epsilon),
            decay: Float(1 - settings.learningRate * settings.weightDecay),
            step_size: Float(settings.learningRate / (1 - pow(settings.beta1, Double(step)))),
            second_correction: Float((1 - pow(settings.beta2, Double(step))).squareRoot())
        )
        unsafe parameters.withUnsafeMutableBufferPointer { parameters in
            unsafe gradient.withUnsafeBufferPointer { gradient in
                unsafe firstMoment.withUnsafeMutableBufferPointer { firstMoment in
                    unsafe secondMoment.withUnsafeMutableBufferPointer { secondMoment in
                        unsafe tributary_adamw(
                            parameters.baseAddress,
                            gradient.baseAddress,
                            firstMoment.baseAddress,
                            secondMoment.baseAddress,
                            constants,
                            count
                        )
                    }
                }
            }
        }
    }

    /// One step of SGD with heavy-ball momentum, as PyTorch does it: v ← µ·v + (g + λ·p), p ← p − η·v.
    ///
    /// - Parameters:
    ///   - parameters: p, which the step changes.
    ///   - gradient: g.
    ///   - velocity: v, zeros before the first step.
    ///   - learningRate: η.
    ///   - momentum: µ.
    ///   - weightDecay: λ.
    package static func stepSGD(
        _ parameters: inout MutableSpan<Float>,
        gradient: Span<Float>,
        velocity: inout MutableSpan<Float>,
        learningRate: Double,
        momentum: Double,
        weightDecay: Double
    ) {
        let count = parameters.count
        precondition(gradient.count == count && velocity.count == count, "\(gradient.count) gradients for \(count)")
        unsafe parameters.withUnsafeMutableBufferPointer { parameters in
            unsafe gradient.withUnsafeBufferPointer { gradient in
                unsafe velocity.withUnsafeMutableBufferPointer { velocity in
                    unsafe tributary_sgd(
                        parameters.baseAddress,
                        gradient.baseAddress,
                        velocity.baseAddress,
                        Float(learningRate),
                        Float(momentum),
                        Float(weightDecay),
                        count
                    )
                }
            }
        }
    }
}
