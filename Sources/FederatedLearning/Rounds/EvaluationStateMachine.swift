package import Aggregation

/// The rules of one evaluation: who is asked, and how long the answers are waited for.
///
/// A value without I/O, like ``RoundStateMachine``. An evaluation always ends, at the latest at its deadline, and ends
/// well with whatever was reported: it measures an adapter that is already safe. When nobody who is there is left to
/// report, those who are away are waited for only shortly: at the end of a job they may be gone for good. Clients keep their reports until they
/// are confirmed, so reports are made durable all at once, at the end.
package struct EvaluationStateMachine: Sendable, Hashable {
    /// What the driver does next.
    package enum Action: Hashable, Sendable {
        /// Push the evaluation, for the first time or again.
        case order(ClientID)
        /// Tell the client, again, that its figures are recorded.
        case confirm(ClientID)
        case withdraw(ClientID, WorkOrder.ID, reason: String)
        /// Make these reports durable, then confirm each: the evaluation is over.
        case close([ClientID: EvaluationReport])
        /// Make the end of the job durable.
        case cancel
    }

    private enum Part: Hashable, Sendable {
        case awaited
        case away
        case failed
        case reported(EvaluationReport)
    }

    private enum State: Hashable, Sendable {
        /// Waiting for reports. Can become `closed`.
        case collecting
        case closed
    }

    private let id: WorkOrder.ID
    private let minimum: Int
    private let limit: Int?
    private let deadline: Duration
    private let absence: Duration?
    /// Since when nobody who is there is left to report.
    private var quietSince: Duration?
    private var parts: [ClientID: Part] = [:]
    private var state = State.collecting

    /// Creates the machine of one evaluation.
    ///
    /// - Parameters:
    ///   - id: The order that clients are sent.
    ///   - minimum: Until so many clients have answered, those who are away are waited for.
    ///   - limit: How many clients are asked at most; `nil` for all. Who comes later is not asked when these are found.
    ///   - deadline: The time at which the evaluation ends in any case.
    ///   - absence: How long those who are away are waited for when nobody who is there is left to report; until the
    ///     deadline when `nil`.
    package init(
        id: WorkOrder.ID,
        minimum: Int,
        limit: Int? = nil,
        deadline: Duration,
        absence: Duration? = nil
    ) {
        self.id = id
        self.minimum = min(minimum, limit ?? .max)
        self.limit = limit
        self.deadline = deadline
        self.absence = absence
    }

    /// When ``reached(_:)`` has something to do next.
    package var nextAlarm: Duration {
        guard let quietSince, let absence else { return deadline }
        return min(deadline, quietSince + absence)
    }

    /// Takes note of when the events so far have come; to be called after each.
    package mutating func settle(at now: Duration) {
        let isQuiet = !parts.values.contains(.awaited)
        quietSince = isQuiet ? quietSince ?? now : nil
    }

    /// Orders the evaluation from those who were chosen, or from everybody who is there.
    package mutating func start(present: Set<ClientID>) -> [Action] {
        for client in present { parts[client] = .awaited }
        return present.sorted().map { .order($0) } + closeIfSettled()
    }

    /// A client connected: it is asked, too, while the evaluation is open.
    package mutating func arrived(_ client: ClientID) -> [Action] {
        guard state == .collecting else { return [] }
        switch parts[client] {
        case nil where parts.count >= limit ?? .max:
            return []
        case .awaited, .away, nil:
            parts[client] = .awaited
            return [.order(client)]
        case .failed, .reported:
            return []
        }
    }

    /// A client's connection ended; it may come back before the deadline.
    package mutating func departed(_ client: ClientID) {
        if state == .collecting, parts[client] == .awaited { parts[client] = .away }
    }

    /// A client will not, or could not, evaluate.
    package mutating func failed(_ client: ClientID, order: WorkOrder.ID) -> [Action] {
        guard state == .collecting, order == id else { return [] }
        switch parts[client] {
        case .awaited, .away:
            parts[client] = .failed
            return closeIfSettled()
        case .failed, .reported, nil:
            return []
        }
    }

    /// A client reports.
    ///
    /// The first report counts. One that comes again after the end is confirmed again, so that the client forgets it.
    package mutating func reported(_ client: ClientID, order: WorkOrder.ID, _ report: EvaluationReport) -> [Action] {
        guard order == id else { return [.withdraw(client, order, reason: "Another evaluation is open.")] }
        switch parts[client] {
        case .reported:
            return state == .closed ? [.confirm(client)] : []
        case .awaited, .away, .failed:
            guard state == .collecting else { return [.withdraw(client, id, reason: "The evaluation is over.")] }
            parts[client] = .reported(report)
            return closeIfSettled()
        case nil:
            return [.withdraw(client, id, reason: "This evaluation was not ordered from '\(client)'.")]
        }
    }

    /// The time is `now`.
    package mutating func reached(_ now: Duration) -> [Action] {
        state == .collecting && now >= nextAlarm ? close() : []
    }

    /// The job was cancelled.
    package mutating func cancelled() -> [Action] {
        guard state == .collecting else { return [] }
        state = .closed
        return parts.keys.sorted().filter { parts[$0] != .failed }
            .map { .withdraw($0, id, reason: "The job was cancelled.") } + [.cancel]
    }

    private mutating func closeIfSettled() -> [Action] {
        guard state == .collecting, parts.count >= minimum else { return [] }
        let isWaiting = parts.values.contains { $0 == .awaited || $0 == .away }
        return isWaiting ? [] : close()
    }

    private mutating func close() -> [Action] {
        state = .closed
        let reports = parts.compactMapValues { part in
            if case .reported(let report) = part { report } else { nil }
        }
        return parts.keys.sorted().filter { parts[$0] == .awaited || parts[$0] == .away }
            .map { .withdraw($0, id, reason: "The evaluation is over.") } + [.close(reports)]
    }
}
