/// The probabilities of a discrete Gaussian on the integers, P(x) ∝ exp(−x²/2σ²), as whole units.
///
/// They are computed in fixed point, so they are the same on every processor, and they add up to one exactly. What they
/// differ by from the true ones is bounded in the article <doc:DiscreteGaussianNoise>.
struct DiscreteGaussianLaw: Sendable {
    /// Values from −reach to reach have a probability.
    let reach: Int
    /// The probabilities of 0, 1, …, reach.
    let weights: [UInt128]
    /// b: all values have numbers of b bits, and 2ᵇ⁺¹¹² units make a probability of one.
    let indexBits: Int

    /// Beyond so many σ there is nothing: 2·Φ(−12) < 2⁻¹⁰⁷.
    private static let cutoff = 12.0

    /// The largest σ: it has as many values as a table of 2¹³ columns holds.
    static let largestDeviation = 341.0
    /// The smallest σ for which there is any noise to speak of.
    static let smallestDeviation = 0.25

    /// - Precondition: `deviation` is between ``smallestDeviation`` and ``largestDeviation``.
    init(deviation: Double) {
        precondition(Self.smallestDeviation <= deviation && deviation <= Self.largestDeviation, "σ of \(deviation)")
        reach = Int((Self.cutoff * deviation).rounded(.up))
        indexBits = Int.bitWidth - (2 * reach).leadingZeroBitCount
        let certainty = UInt128(1) << (AliasTable.thresholdBits + indexBits)
        // q(x) = exp(−x²/2σ²) in units of 2⁻¹¹⁷: all of them together stay below 2¹²⁸.
        let one = UInt128(1) << 117
        // With g = exp(−1/2σ²): q(x + 1) = q(x)·g^(2x + 1).
        let g = Self.exponential(ofMinus: Self.exponent(deviation))
        let square = Self.product(g, g)
        var densities = [one]
        var (density, ratio) = (one, g)
        for _ in 0..<reach {
            density = Self.product(density, ratio)
            ratio = Self.product(ratio, square)
            densities.append(density)
        }
        let total = densities[0] + 2 * densities[1...].reduce(0, +)
        var weights = densities.map { density -> UInt128 in
            let numerator = density.multipliedFullWidth(by: certainty)
            let (quotient, remainder) = total.dividingFullWidth((numerator.high, numerator.low))
            return quotient + (remainder >= total - remainder ? 1 : 0)
        }
        // What rounding left over, at most half a unit a value, belongs to the most probable one.
        weights[0] = certainty - 2 * weights[1...].reduce(0, +)
        self.weights = weights
    }

    // MARK: - Fixed point

    /// a·b with b, or both, in units of 2⁻¹²⁸.
    private static func product(_ a: UInt128, _ b: UInt128) -> UInt128 { a.multipliedFullWidth(by: b).high }

    /// 1/2σ² in units of 2⁻¹²⁴; at most 8.
    private static func exponent(_ deviation: Double) -> UInt128 {
        // σ = m·2ᵉ with an integer m of 53 bits, so 1/2σ² = 2^(−2e − 1)/m².
        let significand = UInt128(deviation.significandBitPattern | 1 << 52)
        let exponent = Int(deviation.exponent) - 52
        let numerator = UInt128(1) << (124 - 2 * exponent - 1 - 128)
        return (significand * significand).dividingFullWidth((numerator, 0)).quotient
    }

    /// exp(−x) in units of 2⁻¹²⁸, for an x > 0 in units of 2⁻¹²⁴.
    private static func exponential(ofMinus x: UInt128) -> UInt128 {
        // exp(−x) = exp(−y)^(2ʲ) with y = x/2ʲ below 2⁻⁸, for which sixteen terms of the series are more than enough.
        let halvings = max(0, 12 - x.leadingZeroBitCount)
        let y = x >> (halvings - 4)
        var (term, sum) = (y, y)
        for n in 2...16 as ClosedRange<UInt128> {
            term = product(term, y) / n
            if n.isMultiple(of: 2) { sum -= term } else { sum += term }
        }
        // 1 − sum: one is 2¹²⁸ units, which wraps to zero.
        var value = 0 &- sum
        for _ in 0..<halvings { value = product(value, value) }
        return value
    }
}
