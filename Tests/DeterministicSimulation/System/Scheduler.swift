import CSimulatedSystem
import Glibc
import LinearAlgebra

/// The one thread on which everything of a simulated federation runs, and its clock.
///
/// While it is installed, every job of the Swift runtime, every block of a dispatch queue and every sleep of the process
/// comes here instead of to other threads (`CSimulatedSystem`). Of what is ready, one piece is drawn at random and run;
/// when nothing is, time moves to the next alarm. All draws come from one seed, so the same seed gives the same order.
final class Scheduler: @unchecked Sendable {  // Used on the thread that installed it only.
    /// What runs next, and on whose behalf.
    private struct Item {
        enum Work {
            case job(simulated_work)
            /// The oldest block of a serial queue.
            case queue(UnsafeMutableRawPointer)
            case action(() -> Void)
        }

        let work: Work
        let process: SimulatedProcess
    }

    private struct Alarm {
        let time: Int64
        /// Alarms of the same time ring in the order in which they were set.
        let number: UInt64
        let item: Item
    }

    /// How a run ended.
    enum Ending: Equatable {
        /// What was waited for has happened.
        case done
        /// Nothing is left that could ever happen.
        case stuck
        /// The time is up.
        case late
        /// So much happens that time does not get on.
        case spinning
    }

    /// The harness: what is done on its behalf is part of no simulated process.
    let harness = SimulatedProcess(name: "harness", number: 0)
    /// On whose behalf the present piece of work runs.
    private(set) var current: SimulatedProcess
    /// Nanoseconds since the simulation began, and a little more, because some code takes 0 for "never".
    private(set) var now: Int64 = 1_000_000_000_000
    /// How many pieces of work were run.
    private(set) var stepCount = 0
    /// Called after every piece of work, on behalf of the same process.
    var afterStep: () -> Void = {}

    private let thread = pthread_self()
    private var choices: CounterGenerator
    private var entropy: CounterGenerator
    private var ready: [Item] = []
    private var queues: [UnsafeMutableRawPointer: ArraySlice<(work: simulated_work, process: SimulatedProcess)>] = [:]
    private var alarms: [Alarm] = []
    private var alarmCount: UInt64 = 0
    /// After so many pieces of work without an end, somebody goes round in circles.
    private static let stepsAtOnce = 2_000_000
    /// The calendar at time 0, in nanoseconds since 1970.
    private static let epoch: Int64 = 1_800_000_000_000_000_000

    init(seed: UInt64) {
        self.choices = CounterGenerator(seed: seed, stream: 1)
        self.entropy = CounterGenerator(seed: seed, stream: 2)
        self.current = harness
    }

    /// The calendar of the present process, in nanoseconds since 1970.
    var calendar: Int64 { Self.epoch &+ now &+ current.calendarOffset }

    // MARK: - Work

    /// Has something happen on behalf of `process`, after `delay` nanoseconds.
    func after(_ delay: Int64, as process: SimulatedProcess, _ action: @escaping () -> Void) {
        set(alarm: now + max(0, delay), Item(work: .action(action), process: process))
    }

    /// Does something now on behalf of `process`; whatever it starts is that process's, too.
    func perform<Result>(as process: SimulatedProcess, _ body: () throws -> Result) rethrows -> Result {
        let former = current
        current = process
        defer { current = former }
        return try body()
    }

    func accept(_ work: simulated_work) {
        check()
        guard let queue = work.queue else { return ready.append(Item(work: .job(work), process: current)) }
        queues[queue, default: []].append((work, current))
        if queues[queue]?.count == 1 { ready.append(Item(work: .queue(queue), process: current)) }
    }

    func accept(_ work: simulated_work, at time: Int64) {
        check()
        set(alarm: max(time, now), Item(work: .job(work), process: current))
    }

    func fillRandomly(_ bytes: UnsafeMutableRawBufferPointer) {
        for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: entropy.next()) }
    }

    /// Makes sure that no other thread takes part: what it does would not be repeatable.
    private func check() {
        precondition(pthread_equal(thread, pthread_self()) != 0, "a thread of its own is at work in the simulation")
    }

    // MARK: - Running

    /// Runs until `isDone`, until nothing can happen any more, or until the clock shows `limit`.
    func run(until limit: Int64, _ isDone: () -> Bool) -> Ending {
        var patience = Self.stepsAtOnce
        while !isDone() {
            if step() {
                patience -= 1
                guard patience > 0 else { return .spinning }
                continue
            }
            patience = Self.stepsAtOnce
            guard let time = alarms.first?.time else { return .stuck }
            guard time <= limit else { return .late }
            now = max(now, time)
            while let first = alarms.first, first.time <= now { ready.append(takeFirstAlarm().item) }
        }
        return .done
    }

    /// Runs what is ready, of everybody, without letting time pass.
    func drain(atMost limit: Int = 200_000) {
        var left = limit
        while left > 0, step() { left -= 1 }
    }

    /// Forgets everything that has not happened.
    func clear() {
        for item in ready + alarms.map(\.item) {
            if case .job(let work) = item.work { simulated_work_discard(work) }
        }
        for queue in queues.values { for entry in queue { simulated_work_discard(entry.work) } }
        ready = []
        alarms = []
        queues = [:]
        afterStep = {}
    }

    private func step() -> Bool {
        guard !ready.isEmpty else { return false }
        let index = ready.count == 1 ? 0 : Int(truncatingIfNeeded: choices.next() % UInt64(ready.count))
        ready.swapAt(index, ready.count - 1)
        run(ready.removeLast())
        return true
    }

    private func run(_ item: Item) {
        stepCount += 1
        let former = current
        defer { current = former }
        switch item.work {
        case .job(let work):
            current = item.process
            simulated_work_perform(work)
        case .action(let body):
            guard item.process.isAlive else { return }
            current = item.process
            body()
        case .queue(let queue):
            guard let first = queues[queue]?.popFirst() else { return }
            current = first.process
            simulated_work_perform(first.work)
            if queues[queue]?.isEmpty ?? true {
                queues[queue] = nil
            } else {
                ready.append(Item(work: .queue(queue), process: first.process))
            }
        }
        afterStep()
    }

    // MARK: - Alarms, in a binary heap

    private func set(alarm time: Int64, _ item: Item) {
        alarmCount += 1
        alarms.append(Alarm(time: time, number: alarmCount, item: item))
        var child = alarms.count - 1
        while child > 0, rings(child, before: (child - 1) / 2) {
            alarms.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    private func rings(_ one: Int, before other: Int) -> Bool {
        (alarms[one].time, alarms[one].number) < (alarms[other].time, alarms[other].number)
    }

    private func takeFirstAlarm() -> Alarm {
        alarms.swapAt(0, alarms.count - 1)
        let first = alarms.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in 2 * parent + 1..<min(2 * parent + 3, max(alarms.count, 2 * parent + 1))
            where rings(child, before: least) {
                least = child
            }
            guard least != parent else { return first }
            alarms.swapAt(parent, least)
            parent = least
        }
    }
}
