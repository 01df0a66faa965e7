private import Foundation

/// A sum of positive numbers that are known by their logarithms.
struct LogSum: Sendable {
    /// The logarithm of the sum.
    private(set) var value = -Double.infinity

    /// Adds e^`term`.
    mutating func add(_ term: Double) {
        let (low, high) = term < value ? (term, value) : (value, term)
        value = low == -.infinity || high == .infinity ? high : high + log1p(exp(low - high))
    }
}
