import FederatedLearning
import Synchronization
import Testing

@testable import Simulation

@Suite("The virtual clock")
struct VirtualClockTests {
    /// Has events at given times.
    private final class World: VirtualWorld {
        let times: Mutex<[Duration]>
        let happened = Mutex<[String]>([])
        let clock: VirtualClock

        init(_ clock: VirtualClock, events: [Duration]) {
            self.clock = clock
            self.times = Mutex(events)
        }

        func note(_ text: String) { happened.withLock { $0.append(text) } }

        func proceed(until limit: Duration?) async -> Bool {
            let next = times.withLock { times -> Duration? in
                guard let first = times.first, limit.map({ first <= $0 }) ?? true else { return nil }
                return times.removeFirst()
            }
            guard let next else { return false }
            clock.advance(to: next)
            note("event at \(Int(next.seconds))")
            return true
        }

        func end() async { note("end") }
    }

    @Test("has one thing happen at a time, events before alarms of the same instant, and jumps there")
    func order() async {
        let clock = VirtualClock(start: .seconds(1))
        let world = World(clock, events: [.seconds(2), .seconds(5), .seconds(9)])
        clock.drive(world)
        let alarms = [5, 5, 7].enumerated().map { index, time in
            clock.alarm(at: .seconds(time)) { world.note("alarm \(index) at \(time)") }
        }
        #expect(clock.now() == .seconds(1))
        var times: [Int] = []
        for _ in 0..<7 {
            await clock.idle()
            times.append(Int(clock.now().seconds))
        }
        #expect(
            world.happened.withLock { $0 } == [
                "event at 2", "event at 5", "alarm 0 at 5", "alarm 1 at 5", "alarm 2 at 7", "event at 9", "end",
            ]
        )
        #expect(times == [2, 5, 5, 5, 7, 9, 9])
        withExtendedLifetime(alarms) {}
    }

    @Test("does not ring alarms that were cancelled, and rings late ones without going back")
    func cancellation() async {
        let clock = VirtualClock(start: .seconds(10))
        let world = World(clock, events: [])
        clock.drive(world)
        let cancelled = clock.alarm(at: .seconds(11)) { world.note("cancelled") }
        let late = clock.alarm(at: .seconds(3)) { world.note("late") }
        cancelled.cancel()
        await clock.idle()
        #expect(clock.now() == .seconds(10))
        await clock.idle()
        #expect(world.happened.withLock { $0 } == ["late", "end"])
        withExtendedLifetime(late) {}
    }
}
