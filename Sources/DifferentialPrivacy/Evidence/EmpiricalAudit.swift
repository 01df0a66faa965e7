private import Foundation

/// What an attacker's success says about the privacy loss: a lower bound on ε, with confidence.
///
/// Somebody guesses, from what a mechanism released, whether a known canary took part. Under (ε, δ)-differential privacy the
/// true positive rate is at most exp(ε)·(false positive rate) + δ, so rates that are known to be further apart refute it
/// (Jagielski et al., 2020; Nasr et al., 2021). The rule of guessing has to be chosen before the trials.
package struct EmpiricalAudit: Sendable, Hashable {
    /// How often the canary took part, and how often it did not.
    package var trials: Int
    /// How often it was said to have taken part where it had.
    package var truePositives = 0
    /// How often it was said to have taken part where it had not.
    package var falsePositives = 0

    package init(trials: Int) { self.trials = trials }

    /// Returns the ε that the trials refute everything below of.
    ///
    /// - Parameters:
    ///   - delta: δ, in [0, 1).
    ///   - confidence: How sure to be, such as 0.95; each of the two rates takes half of the error.
    /// - Returns: The bound, at least 0.
    package func epsilonLowerBound(delta: Double, confidence: Double = 0.95) -> Double {
        let error = (1 - confidence) / 2
        let truePositiveRate = BinomialInterval(successes: truePositives, trials: trials).lowerBound(error: error)
        let falsePositiveRate = BinomialInterval(successes: falsePositives, trials: trials).upperBound(error: error)
        // The same holds for whoever guesses the opposite.
        let bounds = [
            (truePositiveRate - delta) / falsePositiveRate, (1 - falsePositiveRate - delta) / (1 - truePositiveRate),
        ]
        return max(0, bounds.filter { $0 > 0 }.map { log($0) }.max() ?? 0)
    }
}
