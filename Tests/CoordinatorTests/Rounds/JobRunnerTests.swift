import FederatedLearning
import Logging
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing

@testable import Coordinator

@Suite("Job runner", .timeLimit(.minutes(1)))
struct JobRunnerTests {
    private static let first = JobID(rawValue: "first")
    private static let second = JobID(rawValue: "second")

    /// Executions that a test lets end, one by one.
    private actor Stage {
        private(set) var started: [JobID] = []
        private var watchers: [CheckedContinuation<Void, Never>] = []
        private var cancelled: Set<JobID> = []
        private var waiting: [JobID: CheckedContinuation<Void, Never>] = [:]

        func play(_ job: JobID) async {
            started.append(job)
            for watcher in watchers { watcher.resume() }
            watchers = []
            if cancelled.contains(job) { return }
            await withCheckedContinuation { waiting[job] = $0 }
        }

        func end(_ job: JobID) {
            cancelled.insert(job)
            waiting.removeValue(forKey: job)?.resume()
        }

        func waitUntilStarted(_ count: Int) async {
            while started.count < count { await withCheckedContinuation { watchers.append($0) } }
        }
    }

    private static func runner(_ store: CoordinatorStore, _ stage: Stage) -> JobRunner {
        JobRunner(store: store, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }) { job in
            JobExecution {
                try await store.runs.apply(.began(initial: .sample(1)), to: job.id)
                await stage.play(job.id)
                try Task.checkCancellation()
                try await store.runs.apply(.finished, to: job.id)
            } cancel: {
                await stage.end(job.id)
            }
        }
    }

    @Test("runs jobs one after the other, also those that come while it waits")
    func order() async throws {
        try await withTemporaryDirectory { folder in
            let store = try CoordinatorStore.temporary(in: folder)
            let stage = Stage()
            let runner = Self.runner(store, stage)
            try await store.submitSample(Self.first)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await runner.run() }
                await stage.waitUntilStarted(1)
                #expect(await runner.runningJob == Self.first)
                try await store.submitSample(Self.second)
                runner.wake()
                #expect(await stage.started == [Self.first])
                await stage.end(Self.first)
                await stage.waitUntilStarted(2)
                #expect(try await store.jobs.summary(of: Self.first).phase == .finished)
                #expect(await stage.started == [Self.first, Self.second])
                await stage.end(Self.second)
                group.cancelAll()
            }
        }
    }

    @Test("runs a job again that was running when the server stopped")
    func resumes() async throws {
        try await withTemporaryDirectory { folder in
            let store = try CoordinatorStore.temporary(in: folder)
            try await store.submitSample(Self.first)
            for attempt in 1...2 {
                let stage = Stage()
                let runner = Self.runner(store, stage)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await runner.run() }
                    await stage.waitUntilStarted(1)
                    if attempt == 1 { group.cancelAll() }
                    await stage.end(Self.first)
                    if attempt == 2 {
                        for await _ in store.feed.changes(of: Self.first)
                        where try await store.jobs.summary(of: Self.first).phase.isFinal { break }
                        group.cancelAll()
                    }
                }
                let phase = try await store.jobs.summary(of: Self.first).phase
                #expect(phase == (attempt == 1 ? .running : .finished))
            }
        }
    }

    @Test("ends a running job that is cancelled, and goes on with the next")
    func cancels() async throws {
        try await withTemporaryDirectory { folder in
            let store = try CoordinatorStore.temporary(in: folder)
            let stage = Stage()
            let runner = Self.runner(store, stage)
            let administration = Administration(
                store: store,
                registry: SessionRegistry(metrics: CoordinatorMetrics()),
                runner: runner,
                invite: { _, _ in throw CancellationError() }
            )
            try await store.submitSample(Self.first)
            try await store.submitSample(Self.second)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await runner.run() }
                await stage.waitUntilStarted(1)
                try await administration.cancel(Self.first)
                await stage.waitUntilStarted(2)
                #expect(try await store.jobs.summary(of: Self.first).phase == .cancelled)
                await stage.end(Self.second)
                group.cancelAll()
            }
        }
    }

    @Test("says why a job failed, and goes on with the next")
    func failure() async throws {
        struct Broken: Error, CustomStringConvertible {
            let description = "The model is gone."
        }
        try await withTemporaryDirectory { folder in
            let store = try CoordinatorStore.temporary(in: folder)
            let runner = JobRunner(store: store, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }) {
                job in
                guard job.id == Self.second else { throw Broken() }
                return JobExecution {
                } cancel: {
                }
            }
            try await store.submitSample(Self.first)
            try await store.submitSample(Self.second)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await runner.run() }
                for await _ in store.feed.changes(of: Self.second)
                where try await store.jobs.summary(of: Self.second).phase.isFinal { break }
                group.cancelAll()
            }
            let summaries = try await store.jobs.summaries()
            #expect(summaries.map(\.phase) == [.failed, .failed])
            #expect(summaries.map(\.reason) == ["The model is gone.", "The run ended before the job was over."])
        }
    }
}
