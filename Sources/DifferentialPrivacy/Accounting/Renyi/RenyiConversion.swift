private import Foundation

/// From bounds on Rényi divergences to (ε, δ).
enum RenyiConversion {
    /// The smallest ε that one order's divergence proves.
    ///
    /// Canonne, Kamath & Steinke, "The Discrete Gaussian for Differential Privacy", arXiv:2004.00010, Proposition 12, which
    /// is also Theorem 21 of Balle et al., arXiv:1905.09982.
    ///
    /// - Parameters:
    ///   - order: α, above 1.
    ///   - divergence: The divergence of that order, at least 0.
    ///   - delta: δ in (0, 1).
    /// - Returns: ε, which may be below 0; infinite where the order proves nothing.
    static func epsilon(order: Double, divergence: Double, delta: Double) -> Double {
        // No order is below that of Kullback and Leibler, and total variation is at most √(1 − e^−KL) (Bretagnolle & Huber):
        // where that is below δ, ε = 0.
        if delta * delta + expm1(-divergence) > 0 { return 0 }
        // Near 1, the difference of two large numbers; nothing is gained there.
        guard order > 1.01 else { return .infinity }
        return divergence + log1p(-1 / order) - (log(delta) + log(order)) / (order - 1)
    }
}
