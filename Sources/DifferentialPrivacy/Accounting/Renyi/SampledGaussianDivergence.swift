private import Foundation

/// Rényi divergences of one step of the Poisson-sampled Gaussian mechanism, for neighbours one of whom has a participant
/// more.
///
/// Mironov, Talwar & Zhang, "Rényi Differential Privacy of the Sampled Gaussian Mechanism", arXiv:1908.10530, Section 3.3.
/// The divergence of order α is log A_α / (α − 1) with A_α = E[(p/p₀)^α], where p₀ = N(0, z²) and
/// p = (1 − q)·N(0, z²) + q·N(1, z²).
struct SampledGaussianDivergence: Sendable {
    /// The longest series of a fractional order.
    private static let mostTerms = 1000

    /// z.
    let noiseMultiplier: Double
    /// q, in (0, 1].
    let rate: Double

    /// An upper bound on the divergence of one order.
    ///
    /// - Parameter order: α, above 1.
    /// - Returns: The bound, infinite when the series of a fractional order does not converge.
    /// - Complexity: O(α) for whole orders; at most 1000 terms for fractional ones.
    func bound(order: Double) -> Double {
        if rate == 1 { return order / (2 * noiseMultiplier * noiseMultiplier) }
        let logMoment = order == order.rounded() ? logMoment(whole: Int(order)) : logMoment(fractional: order)
        return logMoment / (order - 1)
    }

    /// log A_α for a whole order, by the binomial formula.
    ///
    /// The weights C(α, i)(1 − q)^(α−i)q^i sum to 1, and the first two of the moments e^((i² − i)/2z²) are 1. So A_α − 1 is
    /// a sum of positive terms without these two: nothing cancels where a step costs next to nothing.
    private func logMoment(whole order: Int) -> Double {
        let scale = 2 * noiseMultiplier * noiseMultiplier
        var excess = LogSum()
        // log of C(α, i)·(1 − q)^(α−i)·q^i, from i = 0 on.
        var logWeight = Double(order) * log1p(-rate)
        let logOdds = log(rate) - log1p(-rate)
        for place in 1...order {
            logWeight += logOdds + log(Double(order - place + 1) / Double(place))
            guard place > 1 else { continue }
            let exponent = Double(place) * Double(place - 1) / scale
            // log(e^x − 1), which for large x is x itself.
            excess.add(logWeight + (exponent > 40 ? exponent : log(expm1(exponent))))
        }
        return excess.value > 40 ? excess.value : log1p(exp(excess.value))
    }

    /// log A_α for a fractional order: the integral's two halves around z₀, each an infinite series.
    ///
    /// Beyond i = α the binomial coefficients alternate in sign. All terms are added by their magnitude: the sum is an
    /// upper bound then wherever it is cut off and however it is rounded, as an accountant's answer has to be. The exact
    /// value is somewhat smaller at orders below 2 (by 3 % at order 1.5, q = 0.01, z = 2.5) and the same to many digits at
    /// those that decide an ε of practical size. This is also what Google's dp-accounting does; Opacus subtracts.
    private func logMoment(fractional order: Double) -> Double {
        let (logRate, logRest) = (log(rate), log1p(-rate))
        let scale = 2 * noiseMultiplier * noiseMultiplier
        let spread = noiseMultiplier
        let middle = noiseMultiplier * noiseMultiplier * (logRest - logRate) + 0.5  // z₀
        var sum = LogSum()
        // log |C(α, i)|, from i = 0 on.
        var logBinomial = 0.0
        var last = (lower: -Double.infinity, upper: -Double.infinity)
        for term in 0..<Self.mostTerms {
            let i = Double(term)
            let j = order - i
            if term > 0 { logBinomial += log(abs(order - i + 1) / i) }
            let lower =
                logBinomial + i * logRate + j * logRest + i * (i - 1) / scale
                + NormalTail.logAbove((i - middle) / spread)
            let upper =
                logBinomial + j * logRate + i * logRest + j * (j - 1) / scale
                + NormalTail.logAbove((middle - j) / spread)
            sum.add(lower)
            sum.add(upper)
            if lower < last.lower, upper < last.upper, max(lower, upper) < sum.value - 30 { return sum.value }
            last = (lower, upper)
        }
        return .infinity
    }
}
