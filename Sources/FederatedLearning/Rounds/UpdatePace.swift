/// How long updates took in the rounds of a run so far, and how long it is worth waiting for the next.
///
/// The patience is median + k·MAD of the latest times, where MAD is the median of how far they lie from their median. Both are
/// blind to a few stragglers, which a mean and a standard deviation are not: one client that takes a day would make every
/// round wait for it.
package struct UpdatePace: Hashable, Sendable {
    /// How many times are remembered; the oldest gives way.
    package static let memory = 512
    /// From how many times on there is a patience.
    package static let quorum = 5
    /// The MAD counts as this share of the median at least: where all are equally quick, nobody is late by a hair.
    package static let leastSpread = 0.05

    private let factor: Double
    private var seconds: [Double] = []
    private var oldest = 0

    /// Knows nothing yet; `factor` is k.
    package init(factor: Double) {
        self.factor = factor
    }

    /// Remembers how long a client took, or has taken without delivering when its round closed.
    ///
    /// Who was too late counts with the time that it had: without that, every round would be shorter than the one before.
    package mutating func record(_ duration: Duration) {
        let value = duration / .seconds(1)
        if seconds.count < Self.memory {
            seconds.append(value)
        } else {
            seconds[oldest] = value
            oldest = (oldest + 1) % Self.memory
        }
    }

    /// How long the next updates are worth waiting for; `nil` while too little is known.
    package var patience: Duration? {
        guard seconds.count >= Self.quorum else { return nil }
        let median = Self.median(of: seconds)
        let spread = max(Self.median(of: seconds.map { abs($0 - median) }), Self.leastSpread * median)
        return .seconds(median + factor * spread)
    }

    private static func median(of values: [Double]) -> Double {
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
    }
}
