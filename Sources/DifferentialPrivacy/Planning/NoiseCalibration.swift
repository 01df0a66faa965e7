private import Foundation

/// The search for the least noise that keeps a budget.
package struct NoiseCalibration: Sendable {
    /// By how much, of itself, a noise multiplier may be larger than the smallest.
    private static let tolerance = 1e-4
    /// Noise beyond these is of no use to anybody.
    private static let sensible = 1e-9...1e18

    private let epsilon: Double
    private let delta: Double
    private let steps: Int
    private let sampling: ParticipantSampling

    /// Describes the budget and what it is spent on.
    ///
    /// - Parameters:
    ///   - epsilon: ε, above 0.
    ///   - delta: δ in (0, 1).
    ///   - steps: How many steps have to be paid, at least 1.
    ///   - sampling: Who takes part in each.
    /// - Throws: ``PrivacyError/parameter(name:value:range:)`` that names the first one out of its range.
    package init(epsilon: Double, delta: Double, steps: Int, sampling: ParticipantSampling) throws(PrivacyError) {
        guard epsilon.isFinite, epsilon > 0 else {
            throw .parameter(name: "epsilon", value: epsilon, range: "a finite number above 0")
        }
        guard delta > 0, delta < 1 else {
            throw .parameter(name: "delta", value: delta, range: "a number between 0 and 1, such as 1e-5")
        }
        guard steps > 0 else {
            throw .parameter(name: "rounds", value: Double(steps), range: "a whole number of at least 1")
        }
        try NoisedSteps(noiseMultiplier: 1, sampling: sampling).validate()
        self.epsilon = epsilon
        self.delta = delta
        self.steps = steps
        self.sampling = sampling
    }

    /// Finds the smallest noise multiplier by one accountant.
    ///
    /// ε falls as noise grows, and its logarithm is nearly a line in that of the noise: the search cuts the line where it
    /// meets the budget, and halves the interval where that does not help.
    ///
    /// - Parameters:
    ///   - accountant: Who says what noise costs.
    ///   - guess: Where to begin; the answer of another accountant is a good place.
    /// - Returns: z, at most 0.01 % above the smallest, at which the accountant's ε is within the budget.
    /// - Throws: ``PrivacyError/sampling(accountant:reason:)`` when the accountant cannot vouch for the sampling.
    /// - Complexity: About ten answers of the accountant.
    package func noiseMultiplier<Accountant: PrivacyAccountant>(
        by accountant: Accountant.Type,
        near guess: Double = 1
    ) throws(PrivacyError) -> Double {
        var bracket = try bracket(accountant, near: guess)
        var stalled = 0
        while bracket.high.noise > bracket.low.noise * (1 + Self.tolerance) {
            let width = log(bracket.high.noise / bracket.low.noise)
            let place = stalled < 2 ? probe(bracket, width: width) : width / 2
            let noise = bracket.low.noise * exp(place)
            guard noise > bracket.low.noise, noise < bracket.high.noise else { break }
            let cost = try cost(of: noise, by: accountant)
            if cost <= epsilon { bracket.high = (noise, cost) } else { bracket.low = (noise, cost) }
            stalled = log(bracket.high.noise / bracket.low.noise) > width / 2 ? stalled + 1 : 0
        }
        return bracket.high.noise
    }

    /// Noise that is too little and noise that is enough, and what each costs.
    private typealias Bracket = (low: (noise: Double, cost: Double), high: (noise: Double, cost: Double))

    /// Where to look next, as the logarithm of how much more noise that is than the bracket's low end.
    private func probe(_ bracket: Bracket, width: Double) -> Double {
        guard bracket.low.cost.isFinite, bracket.high.cost > 0 else { return width / 2 }
        let place = width * log(bracket.low.cost / epsilon) / log(bracket.low.cost / bracket.high.cost)
        guard place.isFinite else { return width / 2 }
        // A little beyond the place where the line meets the budget, towards the end that is farther away: that one comes
        // near then, too.
        let step = 0.4 * Self.tolerance
        return min(max(place < width / 2 ? place + step : place - step, step), width - step / 2)
    }

    private func bracket(
        _ accountant: (some PrivacyAccountant).Type,
        near guess: Double
    ) throws(PrivacyError) -> Bracket {
        let start = (noise: guess, cost: try cost(of: guess, by: accountant))
        let isEnough = start.cost <= epsilon
        var (inner, factor) = (start, isEnough ? 0.8 : 1.25)
        // ε falls at least as fast as noise grows, over most of its range: this far is usually too far.
        let ratio = start.cost / epsilon
        if ratio.isFinite { factor = isEnough ? min(factor, max(ratio, 0.25)) : max(factor, min(ratio, 4)) }
        while true {
            let noise = inner.noise * factor
            let next = (noise: noise, cost: try cost(of: noise, by: accountant))
            if (next.cost <= epsilon) != isEnough { return isEnough ? (next, inner) : (inner, next) }
            guard Self.sensible.contains(noise) else { return isEnough ? (next, next) : (inner, next) }
            inner = next
            factor *= factor
        }
    }

    private func cost(of noise: Double, by accountant: (some PrivacyAccountant).Type) throws(PrivacyError) -> Double {
        try accountant.epsilon(
            of: NoisedSteps(noiseMultiplier: noise, sampling: sampling, count: steps),
            delta: delta
        )
    }
}
