private import Foundation

/// Accounts Gaussian releases exactly, where everyone takes part.
///
/// - **Paper**: Balle & Wang, "Improving the Gaussian Mechanism for Differential Privacy", arXiv:1805.06530, Theorem 8, for
///   one step; Dong, Roth & Su, "Gaussian Differential Privacy", arXiv:1905.02383, Corollary 3.3, for many: together they
///   are one step with 1/z² = Σ 1/z_t².
/// - **Neighbours**: one participant is added or removed.
/// - **Sampling**: everyone. The central limit that Dong et al. offer for sampled steps is an approximation, which may be
///   below the truth, so sampling is refused.
/// - **Answers**: exact.
/// - **Complexity**: O(1).
package struct GaussianAccountant: PrivacyAccountant {
    package static let name = "gaussian"

    private var tally = StepTally()

    package init() {}

    package mutating func add(_ steps: NoisedSteps) throws(PrivacyError) {
        try steps.validate()
        guard steps.sampling.rate == 1 else {
            throw .sampling(
                accountant: Self.name,
                reason:
                    "the sum of sampled participants with Gaussian noise is not Gaussian. Use `pld` or `rdp`, or let "
                    + "everyone take part."
            )
        }
        try tally.add(steps)
    }

    package func epsilon(delta: Double) -> Double {
        let precision = tally.precisionWithEveryone
        guard precision > 0 else { return 0 }
        guard delta > 0, precision.isFinite else { return .infinity }
        guard delta < 1 else { return 0 }
        let separation = precision.squareRoot()  // μ
        guard Self.logDelta(separation: separation, epsilon: 0) > log(delta) else { return 0 }
        let bound = ConcentratedAccountant.epsilon(rho: precision / 2, delta: delta)
        return ScalarSearch.smallest(
            where: { Self.logDelta(separation: separation, epsilon: $0) <= log(delta) },
            from: 0,
            to: bound,
            relativeError: 1e-12
        )
    }

    /// log δ of a Gaussian release at an ε, where the means of neighbours are μ standard deviations apart:
    /// δ = Φ(μ/2 − ε/μ) − e^ε·Φ(−μ/2 − ε/μ).
    private static func logDelta(separation: Double, epsilon: Double) -> Double {
        let upper = NormalTail.logAbove(epsilon / separation - separation / 2)
        let lower = epsilon + NormalTail.logAbove(epsilon / separation + separation / 2)
        guard lower < upper else { return -.infinity }
        return upper + log1p(-exp(lower - upper))
    }
}
