/// What has happened in a simulation, in order: a digest of everything, and the latest events for people.
///
/// Two runs of the same seed have the same digest; a difference means that something outside of the seed took part.
struct EventLog {
    /// One event, in parts that cost next to nothing to note.
    struct Event: CustomStringConvertible {
        /// Nanoseconds since the simulation began.
        let time: Int64
        let kind: StaticString
        let process: String
        let number: Int
        let detail: String

        var description: String {
            let milliseconds = time / 1_000_000 - 1_000_000
            let detail = detail.isEmpty ? "" : "  \(detail)"
            return
                "\(milliseconds / 1000).\(String(milliseconds % 1000 + 1000).dropFirst()) s  \(process)  \(kind)  \(number)\(detail)"
        }
    }

    private static let capacity = 32_768
    private let scheduler: Scheduler
    private var latest: [Event] = []
    private var next = 0
    /// How many events there were.
    private(set) var count = 0
    /// FNV-1a of all events.
    private(set) var digest: UInt64 = 0xcbf2_9ce4_8422_2325

    init(scheduler: Scheduler) {
        self.scheduler = scheduler
        latest.reserveCapacity(Self.capacity)
    }

    /// Notes an event of a process.
    mutating func note(_ kind: StaticString, _ process: SimulatedProcess, _ number: Int = 0, _ detail: String = "") {
        count += 1
        mix(UInt64(bitPattern: scheduler.now))
        mix(UInt64(truncatingIfNeeded: process.number))
        mix(UInt64(bitPattern: Int64(number)))
        kind.withUTF8Buffer { bytes in for byte in bytes { mix(byte: byte) } }
        for byte in detail.utf8 { mix(byte: byte) }
        let event = Event(time: scheduler.now, kind: kind, process: process.name, number: number, detail: detail)
        if latest.count < Self.capacity { latest.append(event) } else { latest[next] = event }
        next = (next + 1) % Self.capacity
    }

    /// The latest events, oldest first.
    func latest(_ count: Int) -> [Event] {
        let ordered = latest.count < Self.capacity ? latest : Array(latest[next...] + latest[..<next])
        return ordered.suffix(count)
    }

    private mutating func mix(_ value: UInt64) {
        for shift in stride(from: 0, to: 64, by: 16) {
            digest = (digest ^ (value >> UInt64(shift) & 0xffff)) &* 0x100_0000_01b3
        }
    }

    private mutating func mix(byte: UInt8) { digest = (digest ^ UInt64(byte)) &* 0x100_0000_01b3 }
}
