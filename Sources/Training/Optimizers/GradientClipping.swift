import LinearAlgebra

/// Scales gradients down whose norm is above a limit (Pascanu et al., 2013, arXiv:1211.5063).
enum GradientClipping {
    /// Clips a gradient as a whole, as `torch.nn.utils.clip_grad_norm_` does.
    ///
    /// - Parameters:
    ///   - gradient: All trained numbers' gradients.
    ///   - limit: The largest norm that is left as it is, above 0.
    /// - Returns: The norm before.
    @discardableResult
    static func clip(_ gradient: inout [Float], toNorm limit: Double) -> Double {
        let norm = sumOfSquares(gradient.span).squareRoot()
        // PyTorch's 1e-6 keeps the quotient finite; a norm that is not stays for the check of the loss to find.
        let factor = limit / (norm + 1e-6)
        guard factor < 1 else { return norm }
        for index in gradient.indices { gradient[index] *= Float(factor) }
        return norm
    }
}
