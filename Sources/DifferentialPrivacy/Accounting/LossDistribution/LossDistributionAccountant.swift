private import Foundation

/// Accounts by the distribution of the privacy loss: nearly exact, and never below the truth.
///
/// - **Paper**: Sommer, Meiser & Mohammadi, PoPETs 2019, for the loss distribution; Koskela, Jälkö & Honkela,
///   arXiv:1906.03049, for its composition by Fourier transforms; Doroshenko et al., arXiv:2207.04380, for losses on a
///   grid; Zhu, Dong & Wang, arXiv:2106.08567, for why one pair of distributions stands for all neighbours.
/// - **Neighbours**: one participant is added or removed; the answer is the larger of both directions.
/// - **Sampling**: everyone, or Poisson. A cohort of fixed size is neither.
/// - **Answers**: upper bounds, within about 0.1 % of the truth, and 0.5 % where ε is below 0.001.
/// - **Complexity**: O(n log n) an answer, where n grows with the square root of the number of steps: a few milliseconds
///   for 100 steps, some tens for 10,000.
package struct LossDistributionAccountant: PrivacyAccountant {
    package static let name = "pld"

    /// Of δ, what is set aside for everything that is rounded or cut off, by far the largest part of it unused.
    private static let reserve = 1e-4
    /// By how much of ε the grid may raise it.
    private static let tolerance = 4e-4
    /// The interval that dp-accounting uses.
    ///
    /// Grids are refined from it by powers of two: each is a coarser version of the next, so that answers can be compared.
    private static let usualInterval = 1e-4
    /// The usual interval is kept where it costs no more of ε than this, although a finer one would cost less.
    private static let usualTolerance = 3e-3
    /// A step with more losses than these is left to ``RenyiAccountant``.
    private static let mostLosses = 1_000_000.0

    private var tally = StepTally()
    /// Says about where ε lies and which tilt shows it; a few orders are enough for that.
    private var estimate = RenyiAccountant(
        orders: [1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 11, 16, 23, 32, 45, 64, 90, 128, 181, 256, 512, 1024, 2048]
    )

    package init() {}

    package mutating func add(_ steps: NoisedSteps) throws(PrivacyError) {
        try tally.add(steps)
        try estimate.add(steps)
    }

    package func epsilon(delta: Double) -> Double {
        guard !tally.entries.isEmpty else { return 0 }
        guard delta > 0 else { return .infinity }
        guard delta < 1 else { return 0 }
        let bound = estimate.tightest(delta: delta)
        guard bound.epsilon > 0 else { return 0 }
        let steps = steps
        let removing = epsilon(of: steps, delta: delta, isRemoved: true, bound: bound, enough: 0)
        // Without sampling both directions are the same.
        guard steps.contains(where: { $0.step.rate < 1 }) else { return removing }
        return max(removing, epsilon(of: steps, delta: delta, isRemoved: false, bound: bound, enough: removing))
    }

    /// Everything added, releases in which everyone took part as the one release that they are together.
    private var steps: [(step: SampledGaussianLoss, count: Int)] {
        let sampled = tally.sampledEntries.map {
            (SampledGaussianLoss(noiseMultiplier: $0.noiseMultiplier, rate: $0.sampling.rate), $0.count)
        }
        let precision = tally.precisionWithEveryone
        guard precision > 0 else { return sampled }
        return sampled + [(SampledGaussianLoss(noiseMultiplier: 1 / precision.squareRoot(), rate: 1), 1)]
    }

    /// ε in one direction.
    ///
    /// The grid depends on ε and ε on the grid, so that an ε far below what was expected is worth a second look.
    ///
    /// - Parameters:
    ///   - steps: Everything added.
    ///   - delta: δ in (0, 1).
    ///   - isRemoved: Whether the participant whom the neighbours differ by is removed, or added.
    ///   - bound: What Rényi divergences prove, and the order.
    ///   - enough: An ε that need not be improved upon.
    /// - Returns: An upper bound.
    private func epsilon(
        of steps: [(step: SampledGaussianLoss, count: Int)],
        delta: Double,
        isRemoved: Bool,
        bound: (epsilon: Double, order: Double),
        enough: Double
    ) -> Double {
        let count = steps.reduce(0.0) { $0 + Double($1.count) }
        let target = delta * (1 - Self.reserve)
        var (answer, best, reach) = (bound.epsilon, bound.order - 1, 3.0)
        var interval = Double.infinity
        while answer > enough {
            let wanted = Self.interval(steps: count, epsilon: max(answer, enough), tilt: best)
            guard wanted < interval, let sum = compose(steps, delta: delta, isRemoved: isRemoved, wanted) else { break }
            interval = wanted
            // The first look is on a coarse grid, and for the next one knows about where the tilt is.
            best = sum.bestTilt(logDelta: log(target), near: best, within: reach)
            reach = 0.5
            answer = Self.epsilon(of: sum, delta: target, below: answer, bestTilt: best)
        }
        return answer
    }

    /// ε on one grid.
    ///
    /// The tilt depends on ε: where ε turns out so small that the transform's errors matter, one looks again.
    private static func epsilon(of sum: LossComposition, delta: Double, below bound: Double, bestTilt: Double) -> Double
    {
        var answer = bound
        while true {
            let tilt = sum.smallestTilt(logDelta: log(delta), epsilon: answer, upTo: bestTilt)
            guard let epsilon = sum.epsilon(delta: delta, tilt: tilt) ?? sum.epsilon(delta: delta, tilt: bestTilt)
            else {
                return answer
            }
            let isSettled = epsilon > 0.99 * answer || sum.isSharp(tilt, epsilon: epsilon, logDelta: log(delta))
            answer = min(answer, epsilon)
            if isSettled || answer == 0 { return answer }
        }
    }

    /// The largest interval that raises ε little.
    ///
    /// A loss between two multiples of h becomes a mixture of both, which adds a variance of at most h²/6 on average, and half
    /// of that to the mean: log E[e^(θ·loss)] grows by (θ + θ²)·h²/12 a step, and ε by that over θ.
    private static func interval(steps: Double, epsilon: Double, tilt: Double) -> Double {
        func largest(costing share: Double) -> Double {
            let interval = (12 * share * epsilon / (steps * (1 + tilt))).squareRoot()
            return usualInterval * exp2(log2(interval / usualInterval).rounded(.down))
        }
        return max(largest(costing: tolerance), min(usualInterval, largest(costing: usualTolerance)))
    }

    /// The composition of all steps on one grid, `nil` when it would be too large.
    private func compose(
        _ steps: [(step: SampledGaussianLoss, count: Int)],
        delta: Double,
        isRemoved: Bool,
        _ interval: Double
    ) -> LossComposition? {
        let count = steps.reduce(0.0) { $0 + Double($1.count) }
        let logTail = min(log(delta), log(1e-6)) + log(Self.reserve / 100) - log(count)
        var parts: [(LossGrid, Int)] = []
        for (step, count) in steps {
            let reach = step.noiseMultiplier * NormalTail.quantile(logMass: logTail)
            let (low, high) = (step.loss(at: -reach) / interval, step.loss(at: 1 + reach) / interval)
            // Also where neither is a number.
            guard high - low < Self.mostLosses, abs(low) < 1e15, abs(high) < 1e15 else { return nil }
            let grids = LossGrid.both(of: step, interval: interval, logTail: logTail)
            parts.append((isRemoved ? grids.removing : grids.adding, count))
        }
        return LossComposition(parts)
    }
}
