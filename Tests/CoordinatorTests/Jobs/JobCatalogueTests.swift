import Aggregation
import FederatedLearning
import Foundation
import TestSupport
import Testing

@testable import Coordinator

@Suite("Job catalogue")
struct JobCatalogueTests {
    private static let first = JobID(rawValue: "first")
    private static let second = JobID(rawValue: "second")

    private static func submission(_ yaml: String, token: String? = nil) -> JobSubmission {
        JobSubmission(yaml: yaml, modelPath: "/model", modelDigest: .sampleModel, token: token)
    }

    @Test("gives back a job as it was submitted")
    func roundTrip() async throws {
        let jobs = JobCatalogue(database: try CoordinatorDatabase())
        let configuration = JobConfiguration.sample(strategy: .init(name: "flexlora", mode: .delta), rounds: 7)
        _ = try await jobs.submit(Self.submission("a: é\n"), configuration: configuration, id: Self.first, now: .sample)
        let job = try await jobs.job(Self.first)
        #expect(job.configuration == configuration)
        #expect(job.submission == Self.submission("a: é\n"))
        await #expect(throws: CoordinatorError.unknownJob(Self.second)) { try await jobs.job(Self.second) }
    }

    @Test("makes one job of one token, and refuses the token for another job")
    func token() async throws {
        let jobs = JobCatalogue(database: try CoordinatorDatabase())
        func submit(_ yaml: String, as id: JobID) async throws -> JobID {
            try await jobs.submit(Self.submission(yaml, token: "t"), configuration: .sample(), id: id, now: .sample)
        }
        #expect(try await submit("a", as: Self.first) == Self.first)
        #expect(try await submit("a", as: Self.second) == Self.first)
        await #expect(throws: CoordinatorError.tokenReused(Self.first)) { try await submit("b", as: Self.second) }
        #expect(try await jobs.summaries().count == 1)
    }

    @Test("has the running job run first, then the others in order")
    func order() async throws {
        try await withTemporaryDirectory { folder in
            let store = try CoordinatorStore.temporary(in: folder)
            try await store.submitSample(Self.first)
            try await store.submitSample(Self.second)
            #expect(try await store.jobs.nextJob()?.id == Self.first)
            try await store.runs.apply(.began(initial: .sample(1)), to: Self.second)
            #expect(try await store.jobs.nextJob()?.id == Self.second)
            try await store.runs.apply(.finished, to: Self.second)
            try await store.runs.apply(.failed(reason: "why"), to: Self.first)
            #expect(try await store.jobs.nextJob() == nil)
            let summaries = try await store.jobs.summaries()
            #expect(summaries.map(\.phase) == [.failed, .finished])
            #expect(summaries.map(\.reason) == ["why", nil])
        }
    }

    @Test("cancels what is not over, and nothing else")
    func cancel() async throws {
        try await withTemporaryDirectory { folder in
            let store = try CoordinatorStore.temporary(in: folder)
            try await store.submitSample(Self.first)
            try await store.jobs.cancel(Self.first, now: .sample)
            #expect(try await store.jobs.summary(of: Self.first).phase == .cancelled)
            await #expect(throws: CoordinatorError.jobIsOver(Self.first)) {
                try await store.jobs.cancel(Self.first, now: .sample)
            }
            await #expect(throws: CoordinatorError.unknownJob(Self.second)) {
                try await store.jobs.cancel(Self.second, now: .sample)
            }
            #expect(try await store.audit.entries().map(\.action) == [.jobSubmitted, .jobCancelled])
        }
    }
}
