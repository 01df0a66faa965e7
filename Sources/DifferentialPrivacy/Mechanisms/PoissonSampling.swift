/// Chooses each of several participants independently of all others, with the same probability.
///
/// The sampling that ``ParticipantSampling/poisson(rate:)`` assumes: how many are chosen is random, and may be none.
package struct PoissonSampling: Sendable, Hashable {
    /// q: with which probability each is chosen.
    package let rate: Double
    /// A 64-bit number below it chooses a participant; `nil` when everybody is chosen.
    private let threshold: UInt64?

    /// - Throws: ``PrivacyError/parameter(name:value:range:)`` unless the rate is in (0, 1].
    package init(rate: Double) throws(PrivacyError) {
        guard 0 < rate, rate <= 1 else {
            throw .parameter(name: "sampling_rate", value: rate, range: "a number above 0 and up to 1")
        }
        self.rate = rate
        // Rounded down: nobody is chosen more often than stated.
        threshold = rate < 1 ? UInt64(rate * 0x1p64) : nil
    }

    /// Returns the chosen among 0..<count, in order.
    package func chosen(among count: Int, using generator: inout some RandomNumberGenerator) -> [Int] {
        guard let threshold else { return Array(0..<count) }
        return (0..<count).filter { _ in generator.next() < threshold }
    }
}
