import Aggregation
import FederatedLearning
import Foundation
import TestSupport
import Testing

@testable import Coordinator

@Suite("Job report")
struct JobReportTests {
    /// Two rounds of two clients, each evaluated; as a run records them.
    private static func store(in folder: URL, rounds: Int = 2) async throws -> CoordinatorStore {
        let store = try CoordinatorStore.temporary(in: folder)
        try await store.submitSample(configuration: .sample(rounds: rounds))
        func figure(_ round: Int, _ client: ClientID?, _ phase: String, _ name: String, _ value: Double) -> RunChange {
            .measured([Measurement(round: round, client: client, phase: phase, name: name, value: value)])
        }
        let cohort = ["a", "b"].map { CohortMember(client: ClientID($0), adapter: .sample(1)) }
        let steps: [RunChange] = [
            .began(initial: .sample(1)),
            figure(0, "a", "evaluate", "accuracy", 0.25), figure(0, "a", "evaluate", "payload_bytes_down", 100),
            figure(0, nil, "evaluate", "accuracy", 0.25), .evaluated(round: 0),
            .opened(round: 1, cohort: cohort), .accepted(.sample("a", round: 1)), .accepted(.sample("b", round: 1)),
            figure(1, "a", "train", "loss", 1), figure(1, "a", "train", "examples", 30),
            figure(1, "b", "train", "loss", 2), figure(1, "b", "train", "examples", 10),
            figure(1, "a", "train", "payload_bytes_up", 40), figure(1, "b", "train", "payload_bytes_up", 60),
            figure(1, nil, "round", "seconds", 1.5), .committed(round: 1, global: .sample(2)),
            figure(1, "a", "evaluate", "accuracy", 0.5), figure(1, "b", "evaluate", "accuracy", 1),
            figure(1, nil, "evaluate", "accuracy", 0.75),
        ]
        for step in steps { try await store.runs.apply(step, to: .sample) }
        return store
    }

    @Test("holds a row a round: clients, weighted loss, each silo's accuracy, bytes and seconds")
    func rows() async throws {
        try await withTemporaryDirectory { folder in
            let store = try await Self.store(in: folder)
            try await store.runs.apply(.evaluated(round: 1), to: .sample)
            let report = try await store.jobs.report(of: .sample)
            #expect(report.rounds.map(\.number) == [0, 1])
            let round = try #require(report.rounds.last)
            #expect(round.clients == ["a", "b"])
            // (30·1 + 10·2) / 40
            #expect(round.trainingLoss == 1.25)
            #expect(round.silos.mapValues(\.accuracy) == ["a": 0.5, "b": 1])
            #expect(round.overall.accuracy == 0.75)
            #expect(round.traffic == Traffic(up: 100, down: 0))
            #expect(round.seconds == 1.5)
            #expect(report.traffic == ["a": Traffic(up: 40, down: 100), "b": Traffic(up: 60, down: 0)])
            #expect(report.evaluations?.before.overall.accuracy == 0.25)
            #expect(report.evaluations?.after.overall.accuracy == 0.75)
        }
    }

    @Test("calls a round complete when its evaluation is over, and every round when the job is")
    func completeness() async throws {
        try await withTemporaryDirectory { folder in
            let store = try await Self.store(in: folder)
            #expect(try await store.jobs.report(of: .sample).completeRounds.map(\.number) == [0])
            try await store.runs.apply(.cancelled, to: .sample)
            #expect(try await store.jobs.report(of: .sample).completeRounds.map(\.number) == [0, 1])
        }
    }

    @Test("tells each round once and the end last, whenever somebody begins to watch", .timeLimit(.minutes(1)))
    func events() async throws {
        try await withTemporaryDirectory { folder in
            let store = try await Self.store(in: folder)
            var iterator = JobEvents(job: .sample, catalogue: store.jobs, feed: store.feed).makeAsyncIterator()
            func next() async throws -> String? {
                switch try await iterator.next() {
                case .round(let round): "round \(round.number)"
                case .phase(let report): report.summary.phase.rawValue
                case nil: nil
                }
            }
            #expect(try await next() == "round 0")
            #expect(try await next() == "running")
            try await store.runs.apply(.evaluated(round: 1), to: .sample)
            #expect(try await next() == "round 1")
            try await store.runs.apply(.failed(reason: "why"), to: .sample)
            #expect(try await next() == "failed")
            #expect(try await next() == nil)
        }
    }

    @Test("ends a watch when the server shuts down")
    func shutdown() async throws {
        try await withTemporaryDirectory { folder in
            let store = try await Self.store(in: folder)
            store.feed.close()
            var events: [JobEvent] = []
            for try await event in JobEvents(job: .sample, catalogue: store.jobs, feed: store.feed) {
                events.append(event)
            }
            #expect(events.count == 2)
        }
    }
}
