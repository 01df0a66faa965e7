/// Tells a run the time and wakes it: the system's clock when deployed, a virtual one in simulations and tests.
///
/// Times are durations since an origin of the clock's choosing. They never jump with the calendar.
package protocol RunClock: Sendable {
    /// The time now.
    func now() -> Duration

    /// Returns at `time`, or at once when that is past.
    ///
    /// - Throws: `CancellationError` when the task is cancelled first.
    func sleep(until time: Duration) async throws
}

/// The system's monotonic clock, which goes on while the machine is suspended.
package struct SystemRunClock: RunClock {
    private let origin = ContinuousClock.now

    package init() {}

    package func now() -> Duration { origin.duration(to: .now) }

    package func sleep(until time: Duration) async throws {
        try await ContinuousClock().sleep(until: origin.advanced(by: time))
    }
}
