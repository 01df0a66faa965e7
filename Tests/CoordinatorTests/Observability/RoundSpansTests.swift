import Aggregation
import FederatedLearning
import InMemoryTracing
import TestSupport
import Testing
import Tracing

@testable import Coordinator

@Suite("Round spans")
struct RoundSpansTests {
    private static let cohort = ["a", "b"].map { CohortMember(client: ClientID($0), adapter: .sample(1)) }

    @Test("a job's span holds one of each round, with its outcome and an event for each update")
    func rounds() throws {
        let tracer = InMemoryTracer()
        let spans = RoundSpans(of: .sample, named: "sentiment", tracer: tracer)
        let events: [RunEvent] = [
            .opened(round: 1, cohort: Self.cohort), .accepted(round: 1, .sample("a", round: 1)),
            .rejected(round: 1, "b", reason: "NaN"),
            .committed(round: 1, global: .sample(2), clients: ["a"], seconds: 1),
            .opened(round: 2, cohort: Self.cohort), .abandoned(round: 2, reason: "nobody came"),
            .opened(round: 2, cohort: Self.cohort),
        ]
        for event in events { spans.observe(event) }
        spans.end()
        spans.end()
        #expect(tracer.activeSpans.isEmpty)
        let finished = tracer.finishedSpans
        #expect(
            finished.map(\.operationName) == ["tributary.round", "tributary.round", "tributary.round", "tributary.job"]
        )
        let job = try #require(finished.last)
        #expect(finished.dropLast().allSatisfy { $0.spanContext.parentSpanID == job.spanContext.spanID })
        #expect(job.attributes.get("tributary.job.id") == .string(JobID.sample.rawValue))
        #expect(finished[0].attributes.get("tributary.round.cohort") == .int64(2))
        #expect(finished[0].attributes.get("tributary.round.clients") == .int64(1))
        #expect(finished[0].events.map(\.name) == ["update accepted", "update rejected"])
        let outcomes = finished.dropLast().map { $0.attributes.get("tributary.round.outcome") }
        #expect(outcomes == [.string("committed"), .string("abandoned"), .string("interrupted")])
        #expect(finished[1].status?.code == .error)
    }

    @Test("a large cohort does not make a span without end")
    func eventLimit() throws {
        let tracer = InMemoryTracer()
        let spans = RoundSpans(of: .sample, named: "sentiment", tracer: tracer)
        spans.observe(.opened(round: 1, cohort: Self.cohort))
        for number in 0..<5000 { spans.observe(.rejected(round: 1, ClientID("c\(number)"), reason: "x")) }
        spans.end()
        let round = try #require(tracer.finishedSpans.first)
        #expect(round.events.count == 256)
    }
}
