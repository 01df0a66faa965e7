/// Lets through at most one event an interval.
package struct Throttle: Sendable {
    private let interval: Duration
    private var latest: ContinuousClock.Instant?

    package init(interval: Duration) {
        self.interval = interval
    }

    /// Returns whether what happens at `now` is to be passed on.
    package mutating func admits(at now: ContinuousClock.Instant) -> Bool {
        if let latest, latest.duration(to: now) < interval { return false }
        latest = now
        return true
    }
}
