import Adapters
import Aggregation
import Logging

extension RunDriver {
    /// Hands out work, collects updates and takes steps, until the last version is there.
    ///
    /// Evaluations in between wait for nobody: clients are asked after a step, answer between two trainings, and what was
    /// reported is stored when all have answered, at the evaluation's deadline, or when the next one begins.
    mutating func collectAsynchronously(_ settings: JobConfiguration.Asynchronous) async throws {
        let cohort = run.configuration.cohort
        guard let global = try await readGlobal() else { return }
        var ranks = RankOffer(of: global, by: run.strategy)
        if state.asynchronous.isEmpty {
            let round = state.committedRounds + 1
            let canTakePart = { (client: ClientProfile) in ranks.rank(for: client) != nil }
            guard try await gather(for: round, minimum: cohort.minimum, canTakePart) else { return }
        }
        let now = run.clock.now()
        let machine = AsynchronousStateMachine(
            job: run.job,
            progress: state.asynchronous,
            version: state.committedRounds,
            spent: Set(state.siloStandings.keys.filter(isSpent)),
            configuration: settings,
            size: cohort.size,
            steps: run.configuration.rounds,
            deadline: cohort.deadline,
            patience: run.limits.waiting,
            gatheringEnd: gatheringEnd,
            now: now
        )
        var work = AsynchronousWork(settings: settings, machine: machine, ranks: ranks, global: global, begun: now)
        if let evaluated = state.evaluatedRound, evaluated < state.committedRounds {
            try await evaluateIfDue(in: &work)
        }
        let able = present.values.filter { work.ranks.rank(for: $0) != nil }.map(\.id)
        try await perform(work.machine.start(present: Set(able), at: now), in: &work)

        var alarm: (time: Duration, bell: RunAlarm)?
        defer { alarm?.bell.cancel() }
        while !work.isOver {
            let time = work.nextAlarm
            if alarm?.time != time {
                alarm?.bell.cancel()
                alarm = (time, run.inbox.alarm(at: time, by: run.clock))
            }
            switch try await next() {
            case .event(let event): try await take(event, in: &work)
            case .alarm:
                let now = run.clock.now()
                if now >= time { alarm = nil }
                try await perform(work.machine.reached(now), in: &work)
                try await tellEvaluation(in: &work) { $0.reached(now) }
            case .cancelled:
                // The end is recorded once, after everything was withdrawn.
                try await tellEvaluation(in: &work) { machine in machine.cancelled().filter { $0 != .cancel } }
                try await perform(work.machine.cancelled(), in: &work)
            case .ended: break
            }
        }
    }

    // MARK: - Events

    private mutating func take(_ event: CohortEvent, in work: inout AsynchronousWork) async throws {
        let now = run.clock.now()
        var actions: [AsynchronousStateMachine.Action] = []
        switch event {
        case .arrived(let profile) where work.ranks.rank(for: profile) != nil:
            actions = work.machine.arrived(profile.id, at: now)
        case .arrived(let profile):
            // It may have come back with a smaller rank than this strategy hands out.
            work.machine.departed(profile.id)
        case .departed(let client):
            work.machine.departed(client)
        case .failed(let client, let order, let reason) where order.kind == .train:
            run.observe(.failed(order, client, reason: PeerText.sentence(reason)))
            actions = work.machine.failed(client, order: order, at: now)
        case .offered(let offer):
            actions = work.machine.offered(offer)
        case .evaluated where work.evaluation == nil:
            await answerIdle(event)
        case .failed, .evaluated, .progressed:
            break
        }
        try await perform(actions, in: &work)
        try await tellEvaluation(in: &work, of: event)
    }

    private mutating func tellEvaluation(in work: inout AsynchronousWork, of event: CohortEvent) async throws {
        if case .failed(_, let order, _) = event, order.kind == .train { return }
        guard !work.isOver, var evaluation = work.evaluation else { return }
        try await perform(tell(&evaluation.machine, of: event), of: &evaluation)
        evaluation.machine.settle(at: run.clock.now())
        work.evaluation = evaluation.isOver ? nil : evaluation
    }

    private mutating func tellEvaluation(
        in work: inout AsynchronousWork,
        _ tell: (inout EvaluationStateMachine) -> [EvaluationStateMachine.Action]
    ) async throws {
        guard var evaluation = work.evaluation else { return }
        try await perform(tell(&evaluation.machine), of: &evaluation)
        evaluation.machine.settle(at: run.clock.now())
        work.evaluation = evaluation.isOver ? nil : evaluation
    }

    // MARK: - Actions

    private mutating func perform(
        _ actions: [AsynchronousStateMachine.Action],
        in work: inout AsynchronousWork
    ) async throws {
        var actions = actions[...]
        while !work.isOver, let action = actions.popFirst() {
            switch action {
            case .assign(let client, let number):
                try await assign(number, to: client, in: &work)
            case .order(let client):
                await push(to: client, in: &work)
            case .inspect(let offer):
                let rejection = try await inspect(offer, against: work.global)
                let next = work.machine.inspected(
                    offer,
                    rejection,
                    isSpent: isSpent(after: offer),
                    at: run.clock.now()
                )
                actions = next + actions
            case .record(let offer):
                try await take(.accepted(offer))
                run.observe(.accepted(round: state.committedRounds + 1, offer))
            case .answer(let offer, let verdict):
                await answer(offer, with: verdict)
            case .withdraw(let client, let number, let reason):
                let order = WorkOrder.ID(job: run.job, round: number, kind: .train)
                await run.backend.withdraw(order, from: client, reason: reason)
            case .step(let step):
                actions = try await takeStep(step, in: &work) + actions
            case .close:
                try await closeEvaluation(in: &work)
                work.isOver = true
            case .exhaust(let clients):
                try await closeEvaluation(in: &work)
                try await exhaust(shortage(of: clients))
                work.isOver = true
            case .fail(let reason):
                try await closeEvaluation(in: &work)
                try await take(.failed(reason: reason))
                work.isOver = true
            case .cancel:
                try await take(.cancelled)
                work.isOver = true
            }
        }
    }

    private mutating func assign(_ number: Int, to client: ClientID, in work: inout AsynchronousWork) async throws {
        guard let profile = present[client], let rank = work.ranks.rank(for: profile) else {
            preconditionFailure("work for '\(client)', which is not there or cannot take part")
        }
        if work.handouts[rank] == nil {
            work.handouts.merge(
                try await RoundAggregation.adapters(
                    forRanks: [rank],
                    from: work.global,
                    by: run.strategy,
                    keptIn: run.store
                )
            ) { $1 }
        }
        guard let adapter = work.handouts[rank] else { preconditionFailure("no adapter of rank \(rank) was made") }
        let task = AsynchronousTask(number: number, version: state.committedRounds, adapter: adapter)
        try await take(.assigned(task, to: client))
        run.observe(.assigned(task, to: client))
        await push(to: client, in: &work)
    }

    private mutating func push(to client: ClientID, in work: inout AsynchronousWork) async {
        guard let task = state.asynchronous.openTask(of: client) else { return }
        work.downloads[client, default: 0] += download(task.adapter, by: client)
        await run.backend.send(run.trainingOrder(for: task), to: client)
    }

    /// Reads and checks an offered update against what its client was handed; `nil` when it can be used.
    private func inspect(_ offer: UpdateOffer, against global: LoRAAdapter) async throws -> UpdateRejection? {
        guard let task = state.asynchronous.openTask(of: offer.client) else {
            return .taskOver(number: offer.order.round)
        }
        let intake = UpdateIntake(
            handed: [offer.client: task.adapter],
            global: global,
            rules: run.rules(inRound: task.version + 1),
            exampleLimit: run.limits.exampleCount
        )
        return try await inspect(offer, by: intake, of: global, in: task.version + 1) { _ in
            try await run.store.adapter(task.adapter)
        }
    }

    // MARK: - Steps

    /// Combines a full buffer and makes the result the current version.
    private mutating func takeStep(
        _ step: AsynchronousBuffer<Int>.Step,
        in work: inout AsynchronousWork
    ) async throws -> [AsynchronousStateMachine.Action] {
        let version = state.committedRounds
        let byNumber = Dictionary(
            state.asynchronous.buffer.map { ($0.task.number, $0) },
            uniquingKeysWith: { first, _ in first }
        )
        let updates = step.entries.compactMap { byNumber[$0.update] }
        let begun = run.clock.now()
        let outcome: AsynchronousCombination.Outcome
        do {
            outcome = try await AsynchronousCombination.combine(
                updates,
                from: work.global,
                version: version,
                by: run.aggregation,
                work.settings.aggregation,
                seed: run.configuration.seed,
                in: run.store
            )
        } catch let failure as RoundAggregation.Failure {
            return try await giveUp(version + 1, reason: failure.reason, in: &work)
        }
        report(outcome.excluded, round: version + 1)
        let reference = try await run.store.keep(outcome.adapter)
        let ended = run.clock.now()
        try await take(
            .measured(
                RoundFigures.step(
                    from: version,
                    counted: outcome.counted,
                    downloads: work.downloads,
                    duration: ended - work.begun,
                    aggregation: ended - begun
                ) + privacyFigures(ofRound: version + 1)
            )
        )
        try await take(.committed(round: version + 1, global: reference))
        run.logger.info(
            "A version is committed",
            metadata: [
                "round.id": "\(version + 1)", "updates": "\(outcome.counted.count)", "adapter": "\(reference.digest)",
            ]
        )
        run.observe(
            .committed(
                round: version + 1,
                global: reference,
                clients: Set(outcome.counted.map(\.offer.client)).sorted(),
                seconds: (ended - work.begun) / .seconds(1)
            )
        )
        guard let global = try await readGlobal() else {
            work.isOver = true
            return []
        }
        work.global = global
        work.handouts = [:]
        work.downloads = [:]
        work.begun = ended
        if version + 1 < run.configuration.rounds { try await evaluateIfDue(in: &work) }
        return work.machine.stepTaken(at: ended)
    }

    /// Throws a buffer away that cannot be combined; after a few, the job fails.
    private mutating func giveUp(
        _ round: Int,
        reason: String,
        in work: inout AsynchronousWork
    ) async throws -> [AsynchronousStateMachine.Action] {
        try await abandon(round, reason: reason)
        guard state.abandonedAttempts < run.limits.attempts else {
            let count = state.abandonedAttempts
            return work.machine.failed(reason: "Step \(round) was given up \(count) times. At last: \(reason)")
        }
        return work.machine.stepGivenUp(at: run.clock.now())
    }

    // MARK: - Evaluations in between

    /// Begins the evaluation of the current version where the job wants one; one that is still open ends with what it has.
    private mutating func evaluateIfDue(in work: inout AsynchronousWork) async throws {
        guard run.configuration.evaluates(after: state.committedRounds) else { return }
        try await closeEvaluation(in: &work)
        guard var evaluation = openEvaluation() else { return }
        try await perform(evaluation.machine.start(present: jury()), of: &evaluation)
        evaluation.machine.settle(at: run.clock.now())
        work.evaluation = evaluation.isOver ? nil : evaluation
    }

    private mutating func closeEvaluation(in work: inout AsynchronousWork) async throws {
        guard let deadline = work.evaluation?.deadline else { return }
        try await tellEvaluation(in: &work) { $0.reached(deadline) }
    }
}
