/// Counts messages against a rate, with room for a burst.
///
/// A token bucket: it holds at most `burst` messages and refills at `perSecond`.
package struct MessageBudget: Sendable, Equatable {
    private let burst: Double
    private let perSecond: Double
    private var available: Double
    private var updated: ContinuousClock.Instant

    /// Creates a full budget.
    package init(burst: Int, perSecond: Int, now: ContinuousClock.Instant) {
        self.burst = Double(burst)
        self.perSecond = Double(perSecond)
        self.available = Double(burst)
        self.updated = now
    }

    /// Takes one message's worth; false when the budget is exhausted.
    ///
    /// A clock that stands still or goes backwards refills nothing.
    package mutating func spend(at now: ContinuousClock.Instant) -> Bool {
        let elapsed = updated.duration(to: now)
        if elapsed > .zero {
            available = min(burst, available + perSecond * (elapsed / .seconds(1)))
            updated = now
        }
        guard available >= 1 else { return false }
        available -= 1
        return true
    }
}
