package import FederatedLearning
package import Foundation
package import Transport

/// What can be asked of a running server by those who run it.
///
/// The admin API is a thin dress over this; the rules are those of the directory, the catalogue and the runner.
package struct Administration: Sendable {
    let store: CoordinatorStore
    let registry: SessionRegistry
    private let runner: JobRunner
    private let readKeys: @Sendable () throws -> Void
    let makeInvitation: @Sendable (_ name: String, _ seconds: Int) async throws -> JoinString
    let now: @Sendable () -> Date
    let figures: JobFigures
    let overviews: Overviews

    package init(
        store: CoordinatorStore,
        registry: SessionRegistry,
        runner: JobRunner,
        reload: @escaping @Sendable () throws -> Void = {},
        invite: @escaping @Sendable (_ name: String, _ seconds: Int) async throws -> JoinString,
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.store = store
        self.registry = registry
        self.runner = runner
        self.readKeys = reload
        self.makeInvitation = invite
        self.now = now
        self.figures = JobFigures(catalogue: store.jobs)
        self.overviews = Overviews(feed: store.feed, registry: registry) {
            try await Self.overview(store: store, registry: registry)
        }
    }

    package func health() async -> AdminHealth {
        await AdminHealth(
            status: "serving",
            connectedClients: registry.connectedCount,
            runningJob: runner.runningJob
        )
    }

    /// Takes changed certificates and keys into use.
    package func reload() throws { try readKeys() }

    // MARK: - Clients

    package func clients() async throws -> [ClientSummary] {
        let heard = await registry.lastHeard()
        return try await store.clients.clients().map { record in
            ClientSummary(record: record, lastHeard: heard[record.name])
        }
    }

    /// Shuts a client out and closes its connection.
    package func revoke(_ name: String) async throws {
        try await store.clients.revoke(name, now: now())
        await registry.expel(name)
    }

    /// Returns lines of a client's log, from a number on.
    ///
    /// - Throws: ``CoordinatorError/unknownClient(_:)``, ``CoordinatorError/clientAway(_:)``,
    ///   ``CoordinatorError/logNotLent(_:)`` and ``CoordinatorError/tooManyReaders(_:)``.
    package func log(of name: String, from start: UInt64) async throws -> ClientLog {
        if let log = try await registry.log(of: name, from: start) { return log }
        guard try await store.clients.clients().contains(where: { $0.name == name }) else {
            throw CoordinatorError.unknownClient(name)
        }
        throw CoordinatorError.clientAway(name)
    }

    // MARK: - Jobs

    /// Keeps a job, to be run when those before it are over.
    package func submit(_ submission: JobSubmission) async throws -> JobID {
        var configuration = try JobFile.parse(submission.yaml)
        var submission = submission
        if let named = configuration.adapter.start {
            configuration.adapter.start = submission.start ?? named
            // The directory is read again: this process is the one that hands it out.
            submission.start = try configuration.readStart(besides: URL(fileURLWithPath: "/"))?.start
            configuration.adapter.start = submission.start
        }
        let id = try await store.jobs.submit(
            submission,
            configuration: configuration,
            id: JobID(rawValue: UUID().uuidString.lowercased()),
            now: now()
        )
        runner.wake()
        return id
    }

    package func jobs() async throws -> [JobSummary] { try await store.jobs.summaries() }

    package func job(_ id: JobID) async throws -> JobReport { try await store.jobs.report(of: id) }

    package func measurements(of id: JobID) async throws -> [FederatedLearning.Measurement] {
        try await store.jobs.measurements(of: id)
    }

    /// Ends a job that is not over; what its committed rounds left stays.
    package func cancel(_ id: JobID) async throws {
        try await store.jobs.cancel(id, now: now())
        store.feed.changed(id)
        await runner.cancelled(id)
    }

    /// Returns where the adapter that the latest committed round left lies, and what it is.
    ///
    /// - Throws: ``CoordinatorError/nothingToExport(_:)`` when no round has been committed and none began.
    package func adapterFile(of id: JobID) async throws -> (reference: AdapterReference, file: URL) {
        guard let reference = try await store.runs.state(of: id).global else {
            throw CoordinatorError.nothingToExport(id)
        }
        return (reference, store.payloads.file(of: reference.digest))
    }

    /// What happens to a job, from its beginning until it is over or the server shuts down.
    package func events(of id: JobID) -> JobEvents {
        JobEvents(job: id, catalogue: store.jobs, feed: store.feed)
    }
}
