private import Foundation

/// Moves the clipping norm towards a quantile of the updates' norms, privately.
///
/// Andrew, Thakkar, McMahan and Ramaswamy, "Differentially private learning with adaptive clipping", NeurIPS 2021. Each
/// participant tells whether its update was unclipped; the noised fraction b of those lowers C where it is above the
/// quantile γ and raises it where it is below: C ← C·exp(−η·(b − γ)).
///
/// Sum and count together have the noise multiplier that the job asks for: the count's noise takes its share of it
/// (``updateMultiplier(forTotal:)``).
package struct AdaptiveClippingNorm: Sendable, Hashable, Codable {
    /// C, which the next round clips with.
    package private(set) var norm: Double
    /// γ: which quantile of the norms C moves to, between 0 and 1.
    package let targetQuantile: Double
    /// η: how fast it moves.
    package let learningRate: Double
    /// m: how many participants a round expects.
    package let expectedCount: Double
    /// σ_b: the standard deviation of the count's noise.
    package let countDeviation: Double

    /// Starts with a norm.
    ///
    /// - Parameters:
    ///   - norm: C of the first round.
    ///   - targetQuantile: γ, between 0 and 1.
    ///   - learningRate: η, above 0.
    ///   - expectedCount: m, above 0: never the number of those who took part.
    ///   - countDeviation: σ_b; by default m/20, as in the paper.
    /// - Throws: ``PrivacyError/parameter(name:value:range:)`` when one of them is out of its range.
    package init(
        norm: Double = 0.1,
        targetQuantile: Double = 0.5,
        learningRate: Double = 0.2,
        expectedCount: Double,
        countDeviation: Double? = nil
    ) throws(PrivacyError) {
        let countDeviation = countDeviation ?? expectedCount / 20
        let positive = [
            ("clipping_norm", norm), ("clipping_learning_rate", learningRate), ("the expected cohort", expectedCount),
            ("count_noise", countDeviation),
        ]
        for (name, value) in positive where !(value > 0 && value.isFinite) {
            throw .parameter(name: name, value: value, range: "a finite number above 0")
        }
        guard 0 < targetQuantile, targetQuantile < 1 else {
            throw .parameter(name: "target_quantile", value: targetQuantile, range: "a number between 0 and 1")
        }
        self.norm = norm
        self.targetQuantile = targetQuantile
        self.learningRate = learningRate
        self.expectedCount = expectedCount
        self.countDeviation = countDeviation
    }

    // MARK: - Noise

    /// Returns the noise multiplier that is left for the sum of updates when both together have the multiplier `total`.
    ///
    /// A participant changes the sum of (bᵢ − 1/2) by 1/2 at most, so the count alone has the multiplier 2σ_b, and
    /// z⁻² = z_Δ⁻² + (2σ_b)⁻².
    ///
    /// - Throws: ``PrivacyError/parameter(name:value:range:)`` when the count alone has less noise than that.
    package func updateMultiplier(forTotal total: Double) throws(PrivacyError) -> Double {
        guard total > 0, total < 2 * countDeviation else {
            throw .parameter(
                name: "noise_multiplier",
                value: total,
                range: "a number above 0 and below twice `count_noise`, which is \(countDeviation)"
            )
        }
        return 1 / (1 / (total * total) - 1 / (4 * countDeviation * countDeviation)).squareRoot()
    }

    /// Draws the count's noise of one round.
    ///
    /// - Parameter key: The round's.
    /// - Returns: Noise for ``update(unclippedCount:of:noise:)``.
    /// - Throws: ``PrivacyError/parameter(name:value:range:)`` when σ_b is too large.
    package func countNoise(from key: NoiseKey) throws(PrivacyError) -> CountNoise {
        // As for sums, a little more than asked for makes it as good as continuous noise.
        let steps = 2 * countDeviation * Double(CountNoise.stepsPerHalf)
        let smoothing = DiscreteGaussian.smoothing
        let sampler = try DiscreteGaussian(deviation: (steps * steps + smoothing * smoothing).squareRoot())
        return CountNoise(steps: sampler.numbers(1, from: key.derived(for: "unclipped count"), threads: 1)[0])
    }

    /// Noise of a sum of halves.
    package struct CountNoise: Sendable, Hashable {
        /// How many steps a half has.
        static let stepsPerHalf: Int64 = 1 << 12
        let steps: Int64

        /// No noise: the count is not private.
        package static var none: CountNoise { CountNoise(steps: 0) }
    }

    // MARK: - Moving

    /// Moves the norm after a round.
    ///
    /// - Parameters:
    ///   - unclippedCount: How many of those who took part sent an update that was within the norm.
    ///   - count: How many took part.
    ///   - noise: Of this round alone.
    /// - Returns: The noised fraction of the unclipped, which is private and may be shown.
    @discardableResult
    package mutating func update(unclippedCount: Int, of count: Int, noise: CountNoise) -> Double {
        precondition(0 <= unclippedCount && unclippedCount <= count && count < 1 << 31, "\(unclippedCount) of \(count)")
        // Σ(bᵢ − 1/2) in half steps: each participant adds or subtracts one half.
        let halves = (2 * Int64(unclippedCount) - Int64(count)) * CountNoise.stepsPerHalf + noise.steps
        let sum = Double(halves) / Double(2 * CountNoise.stepsPerHalf)
        let fraction = min(max(sum / expectedCount + 0.5, 0), 1)
        norm *= exp(-learningRate * (fraction - targetQuantile))
        return fraction
    }
}
