private import Foundation

/// Clopper and Pearson's bounds on a probability, from how often something happened.
struct BinomialInterval: Sendable {
    let successes: Int
    let trials: Int

    /// The largest p below which so many successes, or more, have a probability of at most `error`.
    func lowerBound(error: Double) -> Double {
        if successes == 0 { return 0 }
        return Self.root { p in upperTail(from: successes, p) - error }
    }

    /// The smallest p above which so few successes, or fewer, have a probability of at most `error`.
    func upperBound(error: Double) -> Double {
        if successes == trials { return 1 }
        return Self.root { p in error - (1 - upperTail(from: successes + 1, p)) }
    }

    /// The probability of `first` or more successes, summed term by term around the largest.
    private func upperTail(from first: Int, _ p: Double) -> Double {
        if p <= 0 { return 0 }
        if p >= 1 { return 1 }
        let n = trials
        let lower = Double(first) > Double(n) * p
        // The side with less probability, outwards from its largest term, so that small tails keep their digits.
        var k = lower ? first : first - 1
        guard k >= 0 else { return 1 }
        var term = exp(
            lgamma(Double(n + 1)) - lgamma(Double(k + 1)) - lgamma(Double(n - k + 1)) + Double(k) * log(p)
                + Double(n - k) * log1p(-p)
        )
        var sum = 0.0
        while term > sum * 1e-17 {
            sum += term
            if lower {
                guard k < n else { break }
                term *= Double(n - k) / Double(k + 1) * p / (1 - p)
                k += 1
            } else {
                guard k > 0 else { break }
                term *= Double(k) / Double(n - k + 1) * (1 - p) / p
                k -= 1
            }
        }
        return lower ? sum : 1 - sum
    }

    /// Where an increasing function of a probability is zero.
    private static func root(_ function: (Double) -> Double) -> Double {
        var (low, high) = (0.0, 1.0)
        for _ in 0..<200 where high > low {
            let middle = (low + high) / 2
            if function(middle) < 0 { low = middle } else { high = middle }
        }
        return (low + high) / 2
    }
}
