import LinearAlgebra

/// An RMSNorm of the base model, which is never trained: γ·x/√(mean(x²) + ε).
///
/// Zhang & Sennrich, 2019. The way back finds the output again from the input, so it is not kept.
struct FrozenRMSNorm: Sendable {
    let gamma: [Float]
    let epsilon: Float

    /// y ← RMSNorm(x), keeping 1/√(…) of each row.
    func apply(to x: [Float], into y: inout [Float], keeping inverseDeviation: inout [Float]) {
        y.resize(to: x.count)
        inverseDeviation.resize(to: x.count / gamma.count)
        var y = y.mutableSpan
        var kept = inverseDeviation.mutableSpan
        Elementwise.rmsNorm(x.span, gamma: gamma.span, epsilon: epsilon, into: &y, keeping: &kept)
    }

    /// y ← RMSNorm(x), from what an earlier ``apply(to:into:keeping:)`` kept.
    func applyAgain(to x: [Float], inverseDeviation: [Float], into y: inout [Float]) {
        y.resize(to: x.count)
        var y = y.mutableSpan
        Elementwise.rmsNormAgain(x.span, gamma: gamma.span, inverseDeviation: inverseDeviation.span, into: &y)
    }

    /// Adds the gradient of x to `sum`, from that of the output.
    func propagate(_ gradient: [Float], of x: [Float], inverseDeviation: [Float], addingTo sum: inout [Float]) {
        var sum = sum.mutableSpan
        Elementwise.addBackThroughRMSNorm(
            gradient.span,
            of: x.span,
            gamma: gamma.span,
            inverseDeviation: inverseDeviation.span,
            to: &sum
        )
    }
}
