package import FederatedLearning
private import Synchronization

/// A clock that stands still until a test turns it.
package final class ManualRunClock: RunClock {
    private struct Alarm {
        let time: Duration
        let ring: @Sendable () -> Void
    }

    private struct State {
        var now = Duration.zero
        var nextAlarm = 0
        var alarms: [Int: Alarm] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    package func now() -> Duration { state.withLock(\.now) }

    package func alarm(at time: Duration, ring: @escaping @Sendable () -> Void) -> RunAlarm {
        let id: Int? = state.withLock { state in
            if time <= state.now { return nil }
            state.nextAlarm += 1
            state.alarms[state.nextAlarm] = Alarm(time: time, ring: ring)
            return state.nextAlarm
        }
        guard let id else {
            ring()
            return RunAlarm {}
        }
        return RunAlarm { [self] in state.withLock { _ = $0.alarms.removeValue(forKey: id) } }
    }

    /// Turns the clock and rings every alarm whose time has come.
    package func advance(by duration: Duration) {
        let due = state.withLock { state in
            state.now += duration
            let due = state.alarms.filter { $0.value.time <= state.now }
            for id in due.keys { state.alarms.removeValue(forKey: id) }
            return due.values.sorted { $0.time < $1.time }
        }
        for alarm in due { alarm.ring() }
    }
}
