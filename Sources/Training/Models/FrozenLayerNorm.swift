import LinearAlgebra

/// A LayerNorm of the base model, which is never trained.
struct FrozenLayerNorm: Sendable {
    let gamma: [Float]
    let beta: [Float]
    let epsilon: Float

    /// x ← LayerNorm(x).
    func apply(to x: inout [Float]) {
        var x = x.mutableSpan
        Elementwise.layerNorm(&x, gamma: gamma.span, beta: beta.span, epsilon: epsilon)
    }

    /// x ← LayerNorm(x + bias + residual), keeping what the way back needs.
    func apply(
        to x: inout [Float],
        bias: [Float],
        residual: [Float],
        normalized: inout [Float],
        inverseDeviation: inout [Float]
    ) {
        normalized.resize(to: x.count)
        inverseDeviation.resize(to: x.count / gamma.count)
        var x = x.mutableSpan
        var normalized = normalized.mutableSpan
        var inverseDeviation = inverseDeviation.mutableSpan
        Elementwise.layerNorm(
            &x,
            bias: bias.span,
            residual: residual.span,
            gamma: gamma.span,
            beta: beta.span,
            epsilon: epsilon,
            keeping: &normalized,
            &inverseDeviation
        )
    }

    /// Turns the gradient of the output into that of x + bias + residual.
    func propagate(_ gradient: inout [Float], normalized: [Float], inverseDeviation: [Float]) {
        var gradient = gradient.mutableSpan
        Elementwise.backThroughLayerNorm(
            &gradient,
            normalized: normalized.span,
            inverseDeviation: inverseDeviation.span,
            gamma: gamma.span
        )
    }
}
