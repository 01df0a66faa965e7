import Aggregation

/// Sees to it that somebody looks when a client has been away for too long.
struct AbsenceWatch {
    private let delay: Duration?
    private let inbox: RunInbox
    private let clock: any RunClock
    private var absences: [ClientID: (end: Duration, alarm: RunAlarm)] = [:]

    /// Watches nobody yet.
    ///
    /// - Parameters:
    ///   - delay: How long is too long; `nil` to watch nobody.
    ///   - inbox: Where the alarms ring.
    ///   - clock: Tells the time.
    init(delay: Duration?, inbox: RunInbox, clock: any RunClock) {
        self.delay = delay
        self.inbox = inbox
        self.clock = clock
    }

    mutating func heard(_ event: CohortEvent) {
        switch event {
        case .departed(let client): left(client)
        case .arrived(let profile): absences.removeValue(forKey: profile.id)?.alarm.cancel()
        case .failed, .progressed, .offered, .evaluated: break
        }
    }

    mutating func left(_ client: ClientID) {
        guard let delay, absences[client] == nil else { return }
        let end = clock.now() + delay
        absences[client] = (end, inbox.alarm(at: end, by: clock))
    }

    /// Returns, each once, who has been away for too long.
    mutating func overdue(at now: Duration) -> [ClientID] {
        let overdue = absences.filter { $0.value.end <= now }.keys.sorted()
        for client in overdue { absences[client] = nil }
        return overdue
    }

    func stop() {
        for absence in absences.values { absence.alarm.cancel() }
    }
}
