/// How long a run waits and how much it takes, derived from the job unless said otherwise.
package struct RunLimits: Hashable, Sendable {
    /// How long after its start, or restart, a run waits for the whole cohort before it makes do with the minimum.
    ///
    /// Clients need a moment to connect again after the server was restarted; a round that opened with the first few
    /// would go another way than it had without the restart.
    package var gathering: Duration
    /// How long the minimum of clients is waited for before the job fails; in asynchronous rounds also, how long nothing
    /// may be accepted.
    package var waiting: Duration
    /// How often a round is opened before the job fails.
    package var attempts: Int
    /// How long an evaluation waits for reports.
    package var evaluationDeadline: Duration
    /// How long an evaluation waits for clients that are away when nobody who is there is left to report.
    package var absence: Duration
    /// The largest number of training examples that a client may claim: by it, its weight is bounded.
    package var exampleCount: Int

    /// Derives the limits of a job.
    package init(for job: JobConfiguration) {
        self.gathering = min(job.cohort.deadline, .seconds(60))
        self.waiting = max(job.cohort.deadline * 6, .seconds(600))
        self.attempts = 3
        self.evaluationDeadline = job.cohort.deadline
        self.absence = min(job.cohort.deadline, .seconds(30))
        self.exampleCount = 10_000_000
    }
}
