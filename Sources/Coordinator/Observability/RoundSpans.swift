import Aggregation
import FederatedLearning
import Synchronization
import Tracing

/// A job's run and its rounds as spans of swift-distributed-tracing.
///
/// ```
/// tributary.job ─┬─ tributary.round    number, cohort, outcome; an event for each update and failure
///                ├─ tributary.round
///                └─ …
/// ```
///
/// Without a tracer in the program nothing is recorded, and nothing is kept.
final class RoundSpans: Sendable {
    private struct State {
        var round: (number: Int, span: any Span)?
        var events = 0
        var isOver = false
    }

    /// How many events a round's span gets: a cohort may have thousands of clients.
    private static let eventLimit = 256

    private let tracer: any Tracer
    private let job: any Span
    private let state = Mutex(State())

    /// Begins the span of the job, which ``end()`` ends.
    init(of job: JobID, named name: String, tracer: any Tracer = InstrumentationSystem.tracer) {
        self.tracer = tracer
        self.job = tracer.startSpan("tributary.job", context: .topLevel, ofKind: .internal)
        self.job.attributes["tributary.job.id"] = job.rawValue
        self.job.attributes["tributary.job.name"] = name
    }

    /// Takes note of what the run did.
    func observe(_ event: RunEvent) {
        switch event {
        case .opened(let round, let cohort):
            begin(round, cohort: cohort.count)
        case .accepted(let round, let offer):
            note("update accepted", round: round, client: offer.client.rawValue)
        case .rejected(let round, let client, _):
            note("update rejected", round: round, client: client.rawValue)
        case .failed(let order, let client, _):
            note("client failed", round: order.round, client: client.rawValue)
        case .committed(let round, _, let clients, _):
            finish(round, outcome: "committed", clients: clients.count)
        case .abandoned(let round, let reason):
            finish(round, outcome: "abandoned", failure: reason)
        default:
            break
        }
    }

    /// Ends the span of the job, and the one of a round that is still open: the run ended, or the server shuts down.
    func end() {
        let open = state.withLock { state -> (any Span)? in
            guard !state.isOver else { return nil }
            state.isOver = true
            defer { state.round = nil }
            return state.round?.span ?? nil
        }
        open?.attributes["tributary.round.outcome"] = "interrupted"
        open?.end()
        job.end()
    }

    // MARK: - Rounds

    private func begin(_ round: Int, cohort: Int) {
        let span = tracer.startSpan("tributary.round", context: job.context, ofKind: .internal)
        span.attributes["tributary.round.number"] = round
        span.attributes["tributary.round.cohort"] = cohort
        state.withLock { state in
            state.round = (round, span)
            state.events = 0
        }
    }

    private func note(_ name: String, round: Int, client: String) {
        let span = state.withLock { state -> (any Span)? in
            guard let open = state.round, open.number == round, state.events < Self.eventLimit else { return nil }
            state.events += 1
            return open.span
        }
        span?.addEvent(SpanEvent(name: name, attributes: ["tributary.client.id": .string(client)]))
    }

    private func finish(_ round: Int, outcome: String, clients: Int? = nil, failure: String? = nil) {
        let span = state.withLock { state -> (any Span)? in
            guard let open = state.round, open.number == round else { return nil }
            state.round = nil
            return open.span
        }
        guard let span else { return }
        span.attributes["tributary.round.outcome"] = outcome
        if let clients { span.attributes["tributary.round.clients"] = clients }
        if let failure { span.setStatus(SpanStatus(code: .error, message: failure)) }
        span.end()
    }
}
