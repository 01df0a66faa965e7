/// Tells a run the time and wakes it: the system's clock when deployed, a virtual one in simulations and tests.
///
/// Times are durations since an origin of the clock's choosing. They never jump with the calendar.
package protocol RunClock: Sendable {
    /// The time now.
    func now() -> Duration

    /// Rings at `time`, or soon when that is past.
    ///
    /// The alarm is set when this returns, so that a virtual clock knows every time at which something can happen.
    func alarm(at time: Duration, ring: @escaping @Sendable () -> Void) -> RunAlarm

    /// The run has nothing to do until the next message.
    ///
    /// A virtual clock has one thing happen now: the earliest alarm or event. The system's clock does nothing.
    func idle() async
}

extension RunClock {
    package func idle() async {}
}

/// An alarm that was set.
package struct RunAlarm: Sendable {
    private let onCancel: @Sendable () -> Void

    /// Makes an alarm that `onCancel` takes back.
    package init(onCancel: @escaping @Sendable () -> Void) {
        self.onCancel = onCancel
    }

    /// Takes the alarm back; when it has rung already, nothing happens.
    package func cancel() { onCancel() }
}

/// The system's monotonic clock, which goes on while the machine is suspended.
package struct SystemRunClock: RunClock {
    private let origin = ContinuousClock.now

    package init() {}

    package func now() -> Duration { origin.duration(to: .now) }

    package func alarm(at time: Duration, ring: @escaping @Sendable () -> Void) -> RunAlarm {
        let waiting = Task { [origin] in
            do {
                try await ContinuousClock().sleep(until: origin.advanced(by: time))
                ring()
            } catch {
                // Nobody waits for this alarm any more.
            }
        }
        return RunAlarm { waiting.cancel() }
    }
}
