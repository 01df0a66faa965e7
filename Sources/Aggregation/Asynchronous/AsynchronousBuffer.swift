/// What an asynchronous run has received and not yet combined: a state machine of updates in, steps out.
///
/// It holds no adapters but references to them, so it is small, and whoever stores what waits in it makes it anew after a
/// restart: an update that was acknowledged is in the buffer then. The driver performs the actions: on
/// ``Arrival/combine(_:)`` it combines the changes, stores the next global adapter, and says ``stepTaken()``.
///
/// While a step is being taken, arrivals wait for the next one; their staleness is measured against the version after it.
package struct AsynchronousBuffer<Reference: Hashable & Codable & Sendable>: Sendable, Hashable, Codable {
    /// An update that came in.
    package struct Entry: Sendable, Hashable, Codable {
        package let client: ClientID
        /// v⁰, the version that the client trained from.
        package let version: Int
        /// Where the update is kept.
        package let update: Reference

        package init(client: ClientID, version: Int, update: Reference) {
            self.client = client
            self.version = version
            self.update = update
        }
    }

    /// The changes to take one step by.
    package struct Step: Sendable, Hashable, Codable {
        /// The version that the step starts from.
        package let version: Int
        /// In the order of clients' names, then versions, then arrival: the order in which they are added.
        package let entries: [Entry]

        package init(version: Int, entries: [Entry]) {
            self.version = version
            self.entries = entries
        }

        /// τᵢ of each entry.
        package var stalenesses: [Int] { entries.map { version - $0.version } }
    }

    /// What to do about an update that came in.
    package enum Arrival: Sendable, Hashable {
        /// It is kept; `missing` more make a step.
        case keep(missing: Int)
        /// It is kept, and a step is due.
        case combine(Step)
        /// It is kept for a later step: one is being taken.
        case keepForLater
        /// It was trained from a version that is too old; the client starts again from the current one.
        case dropStale(staleness: Int, limit: Int)
        /// It is here already.
        case ignoreDuplicate
        /// It claims a version that does not exist.
        case rejectUnknownVersion(Int, current: Int)
    }

    package let aggregation: BufferedAggregation
    /// The version of the global adapter, 0 at first.
    package private(set) var version = 0
    /// In the order of arrival.
    private var waiting: [Entry] = []
    /// The step that is being taken.
    package private(set) var step: Step?

    /// Creates an empty buffer.
    package init(_ aggregation: BufferedAggregation) {
        self.aggregation = aggregation
    }

    /// Creates the buffer of a run that goes on.
    ///
    /// - Parameters:
    ///   - aggregation: The arithmetic of its steps.
    ///   - version: The version of the global adapter.
    ///   - waiting: What had come in and was not combined, in the order of arrival.
    package init(_ aggregation: BufferedAggregation, version: Int, waiting: [Entry]) {
        precondition(version >= 0 && waiting.allSatisfy { 0...version ~= $0.version }, "an update of a later version")
        self.aggregation = aggregation
        self.version = version
        self.waiting = waiting
    }

    /// How many updates wait for a step.
    package var waitingCount: Int { waiting.count }

    /// The versions that somebody still needs: those that waiting updates, or the step being taken, were trained from.
    ///
    /// All others but the current one can be deleted, once no client trains from them.
    package var versionsInUse: Set<Int> {
        Set(waiting.map(\.version)).union(step?.entries.map(\.version) ?? [])
    }

    /// Records an update that came in.
    package mutating func receive(_ entry: Entry) -> Arrival {
        guard 0...version ~= entry.version else {
            return .rejectUnknownVersion(entry.version, current: version)
        }
        guard !waiting.contains(entry), step?.entries.contains(entry) != true else { return .ignoreDuplicate }
        if let limit = aggregation.maximumStaleness, staleness(of: entry) > limit {
            return .dropStale(staleness: staleness(of: entry), limit: limit)
        }
        waiting.append(entry)
        guard step == nil else { return .keepForLater }
        return startStep().map(Arrival.combine) ?? .keep(missing: aggregation.bufferSize - waiting.count)
    }

    /// Returns the step that is due, if one is: a run that stopped between an update and its step asks for it.
    package mutating func stepDue() -> Step? {
        step ?? startStep()
    }

    /// Records that the step being taken has no result: its updates are gone, and the version stays.
    ///
    /// - Returns: The next step where enough others waited.
    package mutating func stepGivenUp() -> Step? {
        precondition(step != nil, "no step was being taken")
        step = nil
        return startStep()
    }

    /// Records that the step was taken and its result stored.
    ///
    /// - Returns: Updates that waited and are too old now, and the next step where enough others waited.
    package mutating func stepTaken() -> (dropped: [Entry], next: Step?) {
        precondition(step != nil, "no step was being taken")
        step = nil
        version += 1
        let limit = aggregation.maximumStaleness ?? .max
        let dropped = waiting.filter { staleness(of: $0) > limit }
        waiting = waiting.filter { staleness(of: $0) <= limit }
        return (dropped, startStep())
    }

    /// τ of an entry at the step that it will be part of, if that is the next one.
    private func staleness(of entry: Entry) -> Int {
        version + (step == nil ? 0 : 1) - entry.version
    }

    private mutating func startStep() -> Step? {
        guard waiting.count >= aggregation.bufferSize else { return nil }
        let members = waiting.prefix(aggregation.bufferSize)
        waiting.removeFirst(members.count)
        let ordered = members.enumerated().sorted {
            ($0.element.client, $0.element.version, $0.offset) < ($1.element.client, $1.element.version, $1.offset)
        }
        let step = Step(version: version, entries: ordered.map(\.element))
        self.step = step
        return step
    }
}
