/// One job that is being run: ``FederatedRun`` over live sessions, or a stand-in in tests.
package struct JobExecution: Sendable {
    /// Runs the job to its end.
    ///
    /// Throws when the server shuts down first: the job goes on at the next start.
    let run: @Sendable () async throws -> Void
    /// Ends the job because somebody cancelled it, and has ``run`` return.
    let cancel: @Sendable () async -> Void

    package init(run: @escaping @Sendable () async throws -> Void, cancel: @escaping @Sendable () async -> Void) {
        self.run = run
        self.cancel = cancel
    }
}
