package import FederatedLearning
private import Synchronization

/// A clock that stands still while anything is computed, and jumps to whatever happens next.
///
/// The run says when it has nothing to do (``idle()``), and exactly one thing happens then: the earliest alarm, or the
/// earliest event of the world. At the same instant the world goes first, so that what comes at a deadline is in time.
package final class VirtualClock: RunClock {
    private struct Alarm {
        let number: Int
        let time: Duration
        let ring: @Sendable () -> Void
    }

    private struct State {
        var now: Duration
        var nextNumber = 0
        var alarms: [Alarm] = []
    }

    private let state: Mutex<State>
    private let world = Mutex<(any VirtualWorld)?>(nil)

    /// Creates a clock that shows `start`.
    package init(start: Duration = .zero) {
        state = Mutex(State(now: start))
    }

    /// Says what happens beside alarms; to be called before the run begins.
    package func drive(_ world: any VirtualWorld) {
        self.world.withLock { $0 = world }
    }

    package func now() -> Duration { state.withLock(\.now) }

    package func alarm(at time: Duration, ring: @escaping @Sendable () -> Void) -> RunAlarm {
        let number = state.withLock { state in
            state.nextNumber += 1
            state.alarms.append(Alarm(number: state.nextNumber, time: time, ring: ring))
            return state.nextNumber
        }
        return RunAlarm { self.state.withLock { $0.alarms.removeAll { $0.number == number } } }
    }

    package func idle() async {
        let world = self.world.withLock { $0 }
        let limit = state.withLock { $0.alarms.map(\.time).min() }
        if await world?.proceed(until: limit) ?? false { return }
        guard limit != nil else {
            await world?.end()
            return
        }
        let ring = state.withLock { state -> (@Sendable () -> Void)? in
            let first = state.alarms.indices.min {
                (state.alarms[$0].time, state.alarms[$0].number) < (state.alarms[$1].time, state.alarms[$1].number)
            }
            guard let alarm = first.map({ state.alarms.remove(at: $0) }) else { return nil }
            state.now = max(state.now, alarm.time)
            return alarm.ring
        }
        ring?()
    }

    /// Jumps to `time`; never back.
    func advance(to time: Duration) {
        state.withLock { $0.now = max($0.now, time) }
    }
}

/// What happens in virtual time beside the alarms of a run.
package protocol VirtualWorld: Sendable {
    /// Has the next event happen, unless that is after `limit`.
    ///
    /// - Returns: Whether the run was told something.
    func proceed(until limit: Duration?) async -> Bool

    /// Nothing can ever happen again.
    func end() async
}
