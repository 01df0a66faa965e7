/// Everything that can happen to a run, in one line: what clients do, alarms, and the wish to cancel.
struct RunInbox: Sendable {
    enum Message: Sendable {
        case event(CohortEvent)
        /// A time that was asked for may have come; the clock says.
        case alarm
        case cancelled
        /// The backend shut down.
        case ended
    }

    let messages: AsyncStream<Message>
    private let continuation: AsyncStream<Message>.Continuation

    init() {
        (messages, continuation) = AsyncStream.makeStream()
    }

    func cancel() { continuation.yield(.cancelled) }

    /// Puts the backend's events in line until they end or the task is cancelled.
    ///
    /// News of progress decide nothing and go past the line: however many come while the run is busy, none is kept. A client
    /// that the job does not choose from is not there for it; it may have been, with other tags.
    func forward(
        _ events: AsyncStream<CohortEvent>,
        of selector: TagSelector,
        observe: (RunEvent) -> Void
    ) async {
        for await event in events {
            switch event {
            case .progressed(let client, let order, let progress):
                observe(.progressed(order, client, progress))
            case .arrived(let profile) where !selector.admits(profile.tags):
                continuation.yield(.event(.departed(profile.id)))
            case .arrived, .departed, .failed, .offered, .evaluated:
                continuation.yield(.event(event))
            }
        }
        continuation.yield(.ended)
    }

    /// Rings at `time`, unless the alarm is cancelled before.
    func alarm(at time: Duration, by clock: any RunClock) -> RunAlarm {
        clock.alarm(at: time) { continuation.yield(.alarm) }
    }
}
