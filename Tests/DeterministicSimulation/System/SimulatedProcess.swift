import TestSupport

/// One process of a simulated federation: the server, a client's daemon, or the harness itself.
///
/// Everything that it does runs on the one thread of ``Scheduler``. When it is killed, nothing that it still does has any
/// effect: its files, its connections and its observers no longer listen.
final class SimulatedProcess: @unchecked Sendable {  // Used on the scheduler's thread only.
    let name: String
    /// Where it stands in the event log.
    let number: Int
    /// Whether what it does has effects.
    var isAlive = true
    /// How far its machine's calendar is ahead of the simulated one, in nanoseconds.
    var calendarOffset: Int64 = 0
    /// What its machine's disk holds, as far as it changed it.
    var volume = Volume()
    /// What is wrong with that disk.
    var disk = DiskCondition()

    init(name: String, number: Int) {
        self.name = name
        self.number = number
    }
}
