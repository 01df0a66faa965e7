import Adapters
import Aggregation
import Logging

/// Performs a run: takes the step that the state asks for, makes it durable, and looks again.
///
/// It reads one line of messages (``RunInbox``) and does one thing at a time, so what happens has one order. The rules are
/// in ``RunState``, ``RoundStateMachine``, ``AsynchronousStateMachine`` and ``EvaluationStateMachine``.
struct RunDriver {
    let run: FederatedRun
    private(set) var state: RunState
    /// Who can be asked now.
    private(set) var present: [ClientID: ClientProfile]
    /// Until when the whole cohort is waited for.
    let gatheringEnd: Duration
    private var messages: AsyncStream<RunInbox.Message>.Iterator
    /// The payload that each client fetched last, which it does not fetch again.
    private var fetched: [ClientID: ContentDigest] = [:]
    /// How long updates took since this run was started; `nil` where rounds wait for their deadline.
    private(set) var pace: UpdatePace?
    private var latestAbandonment = "its rounds were given up"

    init(run: FederatedRun, state: RunState, present: [ClientProfile]) {
        self.run = run
        self.state = state
        self.present = Dictionary(present.map { ($0.id, $0) }, uniquingKeysWith: { _, last in last })
        self.gatheringEnd = run.clock.now() + run.limits.gathering
        self.pace = run.configuration.cohort.patience.map(UpdatePace.init(factor:))
        self.messages = run.inbox.messages.makeAsyncIterator()
    }

    /// Runs to the end of the job.
    mutating func drive() async throws -> RunState {
        while let step = state.nextStep(of: run.configuration) {
            switch step {
            case .begin: try await begin()
            case .evaluate(let round): try await evaluate(after: round)
            case .open(let round): try await open(round)
            case .collect(let round): try await collect(round)
            case .collectAsynchronously(let settings): try await collectAsynchronously(settings)
            case .finish: try await take(.finished)
            }
        }
        run.logger.info("The run is over", metadata: ["phase": "\(state.phase)"])
        run.observe(.ended(state.phase))
        return state
    }

    /// Makes a step durable, then takes it.
    mutating func take(_ change: RunChange) async throws {
        try await run.store.apply(change, to: run.job)
        state.apply(change)
    }

    // MARK: - Messages

    /// Waits for the next message and keeps track of who is there.
    mutating func next() async throws -> RunInbox.Message {
        await run.clock.idle()
        guard let message = await messages.next(isolation: #isolation) else { throw CancellationError() }
        switch message {
        case .event(.arrived(let profile)): present[profile.id] = profile
        case .event(.departed(let client)): present[client] = nil
        case .event, .alarm, .cancelled: break
        case .ended: throw FederatedLearningError.backendEnded
        }
        return message
    }

    /// Answers what clients send while nothing is collected.
    func answerIdle(_ event: CohortEvent) async {
        switch event {
        case .offered(let offer):
            await run.backend.answer(offer, with: state.verdict(onSettled: offer))
        case .evaluated(let client, let order, _):
            await run.backend.withdraw(order, from: client, reason: "The evaluation is over.")
        case .arrived, .departed, .failed, .progressed:
            break
        }
    }

    /// Counts the bytes of a payload that `client` is about to fetch: none when it has just had the same.
    mutating func download(_ reference: AdapterReference, by client: ClientID) -> Int {
        fetched.updateValue(reference.digest, forKey: client) == reference.digest ? 0 : reference.byteCount
    }

    /// Remembers how long an update took, or has been waited for.
    mutating func record(_ duration: Duration) { pace?.record(duration) }

    // MARK: - Steps

    private mutating func begin() async throws {
        var adapter = try run.strategy.start(from: try await run.initialAdapter(), seed: run.configuration.seed)
        if run.configuration.training.usesControlVariates {
            // Zeros, so that what clients send is never longer than what they were handed.
            adapter.controls = adapter.trainedTensors(run.strategy.trainedFactors(inRound: 1)).mapValues {
                DenseTensor(shape: $0.shape, elements: [Float](repeating: 0, count: $0.elements.count))
            }
        }
        let initial = try await run.store.keep(adapter)
        try await take(.began(initial: initial))
        run.logger.info("The run begins", metadata: ["adapter": "\(initial.digest)"])
        run.observe(.began(initial: initial))
    }

    private mutating func open(_ round: Int) async throws {
        guard state.abandonedAttempts < run.limits.attempts else {
            let reason = "Round \(round) was given up \(state.abandonedAttempts) times. At last: \(latestAbandonment)"
            return try await take(.failed(reason: reason))
        }
        guard let global = try await readGlobal() else { return }
        if let reason = try budgetShortage(forRound: round) ?? spentSilos() { return try await exhaust(reason) }
        var offer = RankOffer(of: global, by: run.strategy)
        let isSpent = isSpent
        let separation = run.configuration.privacy?.minimumSeparation ?? 0
        let canTakePart = { (client: ClientProfile) in
            offer.rank(for: client) != nil && !isSpent(client.id)
                && CohortSelection.isTurn(of: client.id, inRound: round, separation: separation)
        }
        guard try await gather(for: round, minimum: run.configuration.cohort.minimum, canTakePart) else { return }
        let chosen = draw(from: present.values.filter(canTakePart), for: round)
        let references = try await RoundAggregation.adapters(
            forRanks: Set(chosen.compactMap { offer.rank(for: $0) }),
            from: global,
            by: run.strategy,
            keptIn: run.store
        )
        let members = chosen.compactMap { client in
            offer.rank(for: client).flatMap { references[$0] }.map { CohortMember(client: client.id, adapter: $0) }
        }
        try await take(.opened(round: round, cohort: members))
        run.logger.info("A round is open", metadata: ["round.id": "\(round)", "clients": "\(members.count)"])
        run.observe(.opened(round: round, cohort: members))
    }

    /// Draws the clients of a round.
    private func draw(from candidates: [ClientProfile], for round: Int) -> [ClientProfile] {
        let attempt = state.abandonedAttempts
        if let rate = run.configuration.samplingRate {
            let key = run.secrets.key(for: .sampling, round: round, attempt: attempt)
            return CohortSelection.flipCoins(for: candidates, rate: rate, key: key)
        }
        return CohortSelection.select(
            from: candidates,
            count: CohortSelection.count(of: run.configuration.cohort),
            seed: run.configuration.seed,
            round: round,
            attempt: attempt
        )
    }

    /// Gives the open round up; it will be opened again, unless that was tried too often.
    mutating func abandon(_ round: Int, reason: String) async throws {
        latestAbandonment = reason
        try await take(.abandoned(round: round, reason: reason))
        run.logger.warning("A round was given up", metadata: ["round.id": "\(round)", "reason": "\(reason)"])
        run.observe(.abandoned(round: round, reason: reason))
    }

    /// Reads the global adapter; a job whose adapter is none has failed, and says so.
    ///
    /// - Throws: ``StoredAdapterError`` when the adapter is gone or damaged: the run goes on when it is back.
    mutating func readGlobal() async throws -> LoRAAdapter? {
        guard let reference = state.global else {
            try await take(.failed(reason: "The job has no adapter to go on from. Submit it again."))
            return nil
        }
        do {
            return try await run.store.adapter(reference)
        } catch StoredAdapterError.unreadable(_, let reason) {
            try await take(.failed(reason: "The global adapter cannot be read: \(reason)"))
            return nil
        }
    }

    // MARK: - Gathering

    /// Waits until enough clients are there: shortly after the start for the whole cohort, later for the minimum.
    ///
    /// - Parameters:
    ///   - round: What the clients are needed for.
    ///   - minimum: With how many the run goes on; 0 to wait for the whole cohort only, and only shortly.
    ///   - canTakePart: Which clients count.
    /// - Returns: Whether the run goes on: `false` when the job was cancelled, or ended because nobody came.
    /// - Throws: Errors of the storage, and what ``next()`` throws.
    mutating func gather(
        for round: Int,
        minimum: Int,
        _ canTakePart: (ClientProfile) -> Bool = { _ in true }
    ) async throws -> Bool {
        let wanted = CohortSelection.count(of: run.configuration.cohort)
        let begun = run.clock.now()
        let limit = begun + run.limits.waiting
        let alarms = [gatheringEnd, limit].filter { $0 > begun }.map { run.inbox.alarm(at: $0, by: run.clock) }
        defer { for alarm in alarms { alarm.cancel() } }
        var announced: Int?
        while true {
            let now = run.clock.now()
            let count = present.values.count { canTakePart($0) }
            let needed = now < gatheringEnd ? max(wanted, minimum) : minimum
            if count >= needed { return true }
            if let reason = spentSilos(hasWaited: now >= limit) {
                try await exhaust(reason)
                return false
            }
            if now >= limit {
                try await take(.failed(reason: shortage(of: count, for: round, minimum: minimum)))
                return false
            }
            if announced != count {
                announced = count
                run.observe(.waiting(round: round, present: count, needed: needed))
            }
            switch try await next() {
            case .event(let event): await answerIdle(event)
            case .cancelled:
                try await take(.cancelled)
                return false
            case .alarm, .ended: break
            }
        }
    }

    private func shortage(of count: Int, for round: Int, minimum: Int) -> String {
        let waited = DurationText.format(run.limits.waiting)
        let others = present.count - count
        let ranks =
            others > 0
            ? """
             \(others) more could not take part: they train below rank \(run.configuration.adapter.rank), which this strategy needs \
            of everybody, have spent their privacy budget, or had their turn too lately.
            """
            : ""
        let rules = run.configuration.cohort.tags.texts
        let tags = rules.isEmpty ? "" : " whose tags fit [\(rules.joined(separator: ", "))]"
        return """
            Round \(round) needs \(minimum) clients\(tags), but after \(waited) \(count) were there.\(ranks) Start more clients, or \
            lower `cohort.minimum`, and submit the job again.
            """
    }
}
