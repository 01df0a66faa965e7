package import Adapters
package import Aggregation
package import Logging

/// The server half of a job: rounds over a cohort until the job is done.
///
/// Every step is durable before the next one starts, and which step is next follows from the stored state alone
/// (``RunState/nextStep(of:)``). A run that stops at any instant, and is started again on the same store, ends with the
/// same adapter as one that was never disturbed and saw the same updates.
///
/// ```
/// begin ─▶ evaluate 0 ─▶ open 1 ─▶ collect 1 ─▶ evaluate 1 ─▶ open 2 ─▶ … ─▶ evaluate N ─▶ finish
///                           ▲           │
///                           └─ abandoned┘
/// ```
///
/// In a job with asynchronous rounds, everything between the first and the last evaluation is one step that hands out work,
/// collects and commits as updates come (``AsynchronousStateMachine``).
package struct FederatedRun: Sendable {
    package let job: JobID
    package let configuration: JobConfiguration
    package let limits: RunLimits
    let modelDigest: ContentDigest
    let aggregation: CohortAggregation
    let backend: any CohortBackend
    let store: any RunStore
    let clock: any RunClock
    let secrets: RunSecrets
    let logger: Logger
    let initialAdapter: @Sendable () async throws -> LoRAAdapter
    let observe: @Sendable (RunEvent) -> Void
    let inbox = RunInbox()

    /// Prepares a run; ``run()`` starts or resumes it.
    ///
    /// - Parameters:
    ///   - job: The job's name in the store.
    ///   - configuration: The job.
    ///   - modelDigest: The SHA-256 of the base model's weights.
    ///   - aggregation: Combines updates; its strategy hands out adapters.
    ///   - backend: Reaches the clients. It carries this job's orders only.
    ///   - store: Keeps the run.
    ///   - clock: Tells the time of deadlines.
    ///   - secrets: Where noise, and the coins that draw clients, come from.
    ///   - limits: How long is waited; derived from the job by default.
    ///   - logger: Gets one line a step.
    ///   - initialAdapter: Makes the adapter that the job starts from, at the job's rank. Called once, at the beginning.
    ///   - observe: Told what happens, for live status; must return at once.
    package init(
        job: JobID,
        configuration: JobConfiguration,
        modelDigest: ContentDigest,
        aggregation: CohortAggregation,
        backend: any CohortBackend,
        store: any RunStore,
        clock: any RunClock = SystemRunClock(),
        secrets: RunSecrets = .system,
        limits: RunLimits? = nil,
        logger: Logger,
        initialAdapter: @escaping @Sendable () async throws -> LoRAAdapter,
        observe: @escaping @Sendable (RunEvent) -> Void = { _ in }
    ) {
        self.job = job
        self.configuration = configuration
        self.modelDigest = modelDigest
        self.aggregation = aggregation
        self.backend = backend
        self.store = store
        self.clock = clock
        self.secrets = secrets
        self.limits = limits ?? RunLimits(for: configuration)
        var logger = logger
        logger[metadataKey: "job.id"] = "\(job)"
        self.logger = logger
        self.initialAdapter = initialAdapter
        self.observe = observe
    }

    /// Runs the job from where its stored state is, to its end.
    ///
    /// To be called once.
    /// Offers that are still unanswered when it returns are the backend's to reject.
    ///
    /// - Returns: The final state: finished, failed with a reason, or cancelled.
    /// - Throws: `CancellationError` when the task is cancelled, ``FederatedLearningError/backendEnded`` when the backend
    ///   shuts down, and errors of the storage. The run then is not over: another one resumes it.
    package func run() async throws -> RunState {
        let state = try await store.state(of: job)
        let events = await backend.events()
        let selector = configuration.cohort.tags
        let present = await backend.presentClients().filter { selector.admits($0.tags) }
        return try await withThrowingTaskGroup { group in
            group.addTask { await inbox.forward(events, of: selector, observe: observe) }
            defer { group.cancelAll() }
            var driver = RunDriver(run: self, state: state, present: present)
            return try await driver.drive()
        }
    }

    /// Ends the job: its open orders are withdrawn and it cannot be resumed.
    ///
    /// The latest committed adapter stays. A job that is about to finish may finish instead.
    package func cancel() {
        inbox.cancel()
    }

    /// Says what clients train, and hands out adapters.
    var strategy: any AggregationStrategy { aggregation.strategy }

    // MARK: - Orders

    func trainingOrder(for member: CohortMember, round: Int) -> WorkOrder {
        WorkOrder(
            id: .init(job: job, round: round, kind: .train),
            adapter: member.adapter,
            assignment: Assignment(job: configuration, modelDigest: modelDigest, rules: rules(inRound: round))
        )
    }

    /// What a round's result depends on beside its updates.
    func context(ofRound round: Int) -> RoundContext {
        RoundContext(
            number: round,
            seed: configuration.seed,
            population: configuration.training.usesControlVariates ? configuration.cohort.population : nil
        )
    }

    func trainingOrder(for task: AsynchronousTask) -> WorkOrder {
        WorkOrder(
            id: .init(job: job, round: task.number, kind: .train),
            adapter: task.adapter,
            assignment: Assignment(
                job: configuration,
                modelDigest: modelDigest,
                rounds: configuration.asynchronous.map {
                    task.expectedCount(versions: configuration.rounds, buffer: $0.buffer)
                },
                rules: rules(inRound: task.version + 1)
            )
        )
    }

    /// What the strategy asks of the local training in a round.
    func rules(inRound round: Int) -> LocalRules {
        LocalRules(
            scope: strategy.scope(inRound: round),
            pruning: strategy.pruning,
            usesControlVariates: configuration.training.usesControlVariates
        )
    }

    func evaluationOrder(of adapter: AdapterReference, after round: Int) -> WorkOrder {
        var configuration = configuration
        if configuration.evaluatesEverything(after: round) { configuration.evaluation.sample = nil }
        return WorkOrder(
            id: .init(job: job, round: round, kind: .evaluate),
            adapter: adapter,
            assignment: Assignment(job: configuration, modelDigest: modelDigest, rules: rules(inRound: max(round, 1)))
        )
    }
}
