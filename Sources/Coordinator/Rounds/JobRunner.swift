package import FederatedLearning
private import GRDB
package import Logging
import ServiceLifecycle
private import Transport

/// Runs the submitted jobs, one at a time, in the order in which they came.
///
/// The queue is the database: a job that was running when the server stopped is the first to be run at the next start.
package actor JobRunner: Service {
    private nonisolated let store: CoordinatorStore
    private nonisolated let logger: Logger
    private nonisolated let makeExecution: @Sendable (JobRecord) async throws -> JobExecution
    private nonisolated let wakes: AsyncStream<Void>
    private nonisolated let waker: AsyncStream<Void>.Continuation
    private nonisolated let executor = RoundExecutor()
    private var current: (id: JobID, execution: JobExecution)?

    /// Creates the runner; `makeExecution` prepares a job, and what it throws is why the job fails.
    package init(
        store: CoordinatorStore,
        logger: Logger,
        makeExecution: @escaping @Sendable (JobRecord) async throws -> JobExecution
    ) {
        self.store = store
        self.logger = logger
        self.makeExecution = makeExecution
        (self.wakes, self.waker) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    package var runningJob: JobID? { current?.id }

    /// Says that there may be a job to run.
    package nonisolated func wake() { waker.yield() }

    /// Ends a job that the catalogue has recorded as cancelled.
    package func cancelled(_ id: JobID) async {
        guard let current, current.id == id else { return }
        await current.execution.cancel()
    }

    /// Runs jobs until the server shuts down.
    ///
    /// - Throws: When the storage fails: nothing that is computed from then on could be kept, so the server stops. It goes
    ///   on where it was when it is started again.
    package func run() async throws {
        do {
            try await cancelWhenGracefulShutdown {
                self.wake()
                for await _ in self.wakes {
                    while let job = try await self.store.jobs.nextJob() {
                        try await self.perform(job)
                        try Task.checkCancellation()
                    }
                }
            }
        } catch is CancellationError {
            // The way in which the runner ends.
        }
    }

    private func perform(_ job: JobRecord) async throws {
        logger.info("Job started", metadata: ["job.id": "\(job.id)"])
        do {
            let execution = try await makeExecution(job)
            current = (job.id, execution)
            defer { current = nil }
            try await withTaskExecutorPreference(executor) { try await execution.run() }
        } catch {
            try Task.checkCancellation()
            guard !error.isOfStorage else { throw error }
            logger.error("Job failed", metadata: ["job.id": "\(job.id)", "error": "\(error)"])
            try await store.runs.apply(.failed(reason: "\(error)"), to: job.id)
        }
        let summary = try await store.jobs.summary(of: job.id)
        guard summary.phase.isFinal else {
            // Run again at once, it would do the same for ever.
            try await store.runs.apply(.failed(reason: "The run ended before the job was over."), to: job.id)
            return
        }
        logger.info("Job over", metadata: ["job.id": "\(job.id)", "job.phase": "\(summary.phase)"])
        try await store.removeUnusedPayloads()
    }
}

extension Error {
    /// Whether the disk or the database failed, and not the job.
    fileprivate var isOfStorage: Bool {
        switch self {
        case is DatabaseError, is FileError, is PayloadError: true
        case let error as CoordinatorError: error.isOfDisk
        case let error as StoredAdapterError: error.isOfDisk
        default: false
        }
    }
}

extension CoordinatorError {
    /// Whether records are not as they were written.
    fileprivate var isOfDisk: Bool {
        if case .databaseDamaged = self { true } else { false }
    }
}

extension StoredAdapterError {
    /// Whether the job can go on when the payload is back; to fail it would throw its rounds away.
    fileprivate var isOfDisk: Bool {
        switch self {
        case .missing, .damaged: true
        case .unreadable: false
        }
    }
}
