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
    func forward(_ events: AsyncStream<CohortEvent>) async {
        for await event in events { continuation.yield(.event(event)) }
        continuation.yield(.ended)
    }

    /// Rings at `time`, unless the alarm is cancelled before.
    func alarm(at time: Duration, by clock: any RunClock) -> Task<Void, Never> {
        Task {
            do {
                try await clock.sleep(until: time)
                continuation.yield(.alarm)
            } catch {
                // Nobody waits for this alarm any more.
            }
        }
    }
}
