import Adapters
import Aggregation
import Logging

extension RunDriver {
    /// Collects what an open round still lacks, until it is committed or given up.
    mutating func collect(_ round: RunState.OpenRound) async throws {
        let opened = run.clock.now()
        let deadline = opened + run.configuration.cohort.deadline
        guard let global = try await readGlobal() else { return }
        if !round.isAccepting {
            // It was charged, and then the server stopped: the same updates and the same noise give the same result.
            return try await commit(
                round.number,
                of: round.accepted.keys.sorted(),
                privacy: drawNoise(for: round, from: global),
                opened: opened,
                downloads: [:]
            )
        }
        try await chargeForClients(round)
        let privacy = drawNoise(for: round, from: global)
        var intake = intake(of: round, from: global)
        var members = Dictionary(round.cohort.map { ($0.client, $0) }, uniquingKeysWith: { first, _ in first })
        let patienceEnd = pace?.patience.map { opened + $0 }.flatMap { $0 < deadline ? $0 : nil }
        var watch = AbsenceWatch(delay: run.configuration.cohort.replacementDelay, inbox: run.inbox, clock: run.clock)
        let alarms = [deadline, patienceEnd].compactMap { $0 }.map { run.inbox.alarm(at: $0, by: run.clock) }
        defer {
            for alarm in alarms { alarm.cancel() }
            watch.stop()
        }

        var machine = RoundStateMachine(
            job: run.job,
            round: round,
            size: run.configuration.closingSize(of: round),
            minimum: run.configuration.closingMinimum,
            deadline: deadline,
            patienceEnd: patienceEnd,
            replacesLost: run.configuration.cohort.replacementDelay != nil
        )
        var downloads: [ClientID: Int] = [:]
        var orderedAt: [ClientID: Duration] = [:]
        for client in members.keys where present[client] == nil { watch.left(client) }
        var actions = machine.start(present: Set(present.keys))[...]
        while true {
            while let action = actions.popFirst() {
                switch action {
                case .order(let client):
                    guard let member = members[client] else { continue }
                    // The first time: who comes back has had its order before.
                    if orderedAt[client] == nil { orderedAt[client] = run.clock.now() }
                    downloads[client, default: 0] += download(member.adapter, by: client)
                    await run.backend.send(run.trainingOrder(for: member, round: round.number), to: client)
                case .inspect(let offer):
                    actions =
                        machine.inspected(
                            offer,
                            try await inspect(offer, by: intake, of: global, in: round.number) { rank in
                                try run.strategy.adapter(forRank: rank, from: global)
                            }
                        ) + actions
                case .record(let offer):
                    try await take(.accepted(offer))
                    if let since = orderedAt[offer.client] { record(run.clock.now() - since) }
                    run.observe(.accepted(round: round.number, offer))
                case .answer(let offer, let verdict):
                    await answer(offer, with: verdict)
                case .replace(let client):
                    let successor = try await replace(client, in: round.number, from: global, members: members)
                    if let successor { members[successor.client] = successor }
                    if successor != nil, let open = state.openRound { intake = self.intake(of: open, from: global) }
                    actions = machine.replaced(client, by: successor?.client) + actions
                case .withdraw(let client, let reason):
                    if let since = orderedAt[client] { record(run.clock.now() - since) }
                    let order = WorkOrder.ID(job: run.job, round: round.number, kind: .train)
                    await run.backend.withdraw(order, from: client, reason: reason)
                case .close(let clients):
                    return try await commit(
                        round.number,
                        of: clients,
                        privacy: privacy,
                        opened: opened,
                        downloads: downloads
                    )
                case .abandon(let reason):
                    return try await abandon(round.number, reason: reason)
                case .cancel:
                    return try await take(.cancelled)
                }
            }
            switch try await next() {
            case .event(let event):
                watch.heard(event)
                actions = await tell(&machine, of: event)[...]
            case .alarm:
                let now = run.clock.now()
                actions = (machine.reached(now) + watch.overdue(at: now).flatMap { machine.vanished($0) })[...]
            case .cancelled: actions = machine.cancelled()[...]
            case .ended: actions = []
            }
        }
    }

    private func tell(_ machine: inout RoundStateMachine, of event: CohortEvent) async -> [RoundStateMachine.Action] {
        switch event {
        case .arrived(let profile):
            return machine.arrived(profile.id)
        case .departed(let client):
            machine.departed(client)
            return []
        case .failed(let client, let order, let reason):
            run.observe(.failed(order, client, reason: PeerText.sentence(reason)))
            return machine.failed(client, order: order, reason: reason)
        case .progressed:
            return []
        case .offered(let offer) where offer.order.job == run.job && offer.order.round <= state.committedRounds:
            await answer(offer, with: state.verdict(onSettled: offer))
            return []
        case .offered(let offer):
            return machine.offered(offer)
        case .evaluated:
            await answerIdle(event)
            return []
        }
    }

    private func intake(of round: RunState.OpenRound, from global: LoRAAdapter) -> UpdateIntake {
        UpdateIntake(
            round: round,
            global: global,
            rules: run.rules(inRound: round.number),
            exampleLimit: run.limits.exampleCount
        )
    }

    /// Makes another client that is there a member of the open round.
    ///
    /// - Returns: The new member; `nil` when nobody is there that could take part.
    private mutating func replace(
        _ client: ClientID,
        in round: Int,
        from global: LoRAAdapter,
        members: [ClientID: CohortMember]
    ) async throws -> CohortMember? {
        var offer = RankOffer(of: global, by: run.strategy)
        let candidates = present.values.filter { members[$0.id] == nil && offer.rank(for: $0) != nil }
        let chosen = CohortSelection.select(
            from: candidates,
            count: 1,
            seed: run.configuration.seed,
            round: round,
            attempt: members.count,
            for: .replacement
        )
        guard let successor = chosen.first, let rank = offer.rank(for: successor) else { return nil }
        let references = try await RoundAggregation.adapters(
            forRanks: [rank],
            from: global,
            by: run.strategy,
            keptIn: run.store
        )
        guard let adapter = references[rank] else { return nil }
        let member = CohortMember(client: successor.id, adapter: adapter)
        try await take(.joined(round: round, member: member))
        run.logger.info(
            "A client takes the part of another one",
            metadata: ["round.id": "\(round)", "client.id": "\(member.client)", "replaced": "\(client)"]
        )
        return member
    }

    /// Reads and checks an offered update.
    ///
    /// - Parameters:
    ///   - offer: The offer.
    ///   - intake: Checks its statements and its tensors.
    ///   - global: The current global adapter.
    ///   - round: The round that it was trained in.
    ///   - start: Returns what its client was handed, at the rank that it sent.
    /// - Returns: Why it cannot be used; `nil` when it can.
    /// - Throws: Errors of the storage that say nothing about the update.
    func inspect(
        _ offer: UpdateOffer,
        by intake: UpdateIntake,
        of global: LoRAAdapter,
        in round: Int,
        from start: (_ rank: Int) async throws -> LoRAAdapter
    ) async throws -> UpdateRejection? {
        do {
            try intake.check(offer)
            let handed = try await start(offer.adapter.rank)
            let adapter = try await run.store.update(
                offer.adapter,
                scope: run.rules(inRound: round).scope,
                handed: handed
            )
            try intake.check(adapter.resident(), of: offer)
            try run.aggregation.check(
                ClientUpdate(
                    client: offer.client,
                    weight: Double(offer.exampleCount),
                    adapter: adapter,
                    handed: handed
                ),
                against: global,
                round: run.context(ofRound: round)
            )
            return nil
        } catch let rejection as UpdateRejection {
            return rejection
        } catch let error as StoredAdapterError {
            return .payload(error)
        } catch let error as AggregationError {
            return .tensors(reason: error.description)
        }
    }

    func answer(_ offer: UpdateOffer, with verdict: UpdateVerdict) async {
        await run.backend.answer(offer, with: verdict)
        guard case .rejected(let reason) = verdict else { return }
        run.logger.warning(
            "An update was rejected",
            metadata: ["client.id": "\(offer.client)", "round.id": "\(offer.order.round)", "reason": "\(reason)"]
        )
        run.observe(.rejected(round: offer.order.round, offer.client, reason: reason))
    }

    // MARK: - Committing

    /// Combines the updates of a closed round and makes the result the global adapter.
    private mutating func commit(
        _ round: Int,
        of clients: [ClientID],
        privacy: CentralPrivacy?,
        opened: Duration,
        downloads: [ClientID: Int]
    ) async throws {
        let accepted = clients.compactMap { state.openRound?.accepted[$0] }
        guard let global = try await readGlobal() else { return }
        let begun = run.clock.now()
        let truncations = TruncationLog()
        var aggregation = run.aggregation
        aggregation.observeTruncation = { truncations.append($1, of: $0) }
        if let privacy { try await charge(privacy) }
        let outcome: RoundAggregation.Outcome
        do {
            outcome = try await RoundAggregation.combine(
                accepted,
                from: global,
                by: aggregation,
                round: run.context(ofRound: round),
                scope: run.rules(inRound: round).scope,
                moments: try await readMoments(),
                minimum: run.configuration.closingMinimum,
                privacy: privacy,
                in: run.store
            )
        } catch let failure as RoundAggregation.Failure {
            return try await abandon(round, reason: failure.reason)
        }
        if let summary = truncations.summary {
            run.logger.info("Products were truncated", metadata: ["round.id": "\(round)", "routes": "\(summary)"])
        }
        report(outcome.excluded, round: round)
        let reference = try await run.store.keep(outcome.adapter)
        let moments = try await keep(outcome.moments)
        let ended = run.clock.now()
        // Before the commit: figures are stored again if a crash comes in between, and never missing afterwards.
        let excluded = Set(outcome.excluded.map(\.client))
        try await take(
            .measured(
                RoundFigures.training(
                    round: round,
                    accepted: accepted.filter { !excluded.contains($0.client) },
                    downloads: downloads,
                    duration: ended - opened,
                    aggregation: ended - begun
                ) + privacyFigures(ofRound: round)
            )
        )
        try await take(
            .committed(round: round, global: reference, moments: moments, clippingNorm: outcome.clippingNorm)
        )
        let seconds = (ended - opened) / .seconds(1)
        run.logger.info(
            "A round is committed",
            metadata: ["round.id": "\(round)", "clients": "\(clients.count)", "adapter": "\(reference.digest)"]
        )
        run.observe(.committed(round: round, global: reference, clients: clients, seconds: seconds))
    }

    /// Tells who could not be counted after all.
    func report(_ excluded: [(client: ClientID, reason: String)], round: Int) {
        for (client, reason) in excluded {
            run.logger.error(
                "An accepted update was not counted",
                metadata: ["client.id": "\(client)", "round.id": "\(round)", "reason": "\(reason)"]
            )
            run.observe(.excluded(round: round, client, reason: reason))
        }
    }

    // MARK: - Moments of the server's optimizer

    private func readMoments() async throws -> ServerMoments? {
        guard run.aggregation.optimizer != nil, let references = state.moments else { return nil }
        var second: LoRAAdapter?
        if let reference = references.second { second = try await run.store.adapter(reference) }
        return ServerMoments(first: try await run.store.adapter(references.first), second: second)
    }

    private func keep(_ moments: ServerMoments?) async throws -> MomentReferences? {
        guard let moments else { return nil }
        let first = try await run.store.keep(moments.first)
        guard let second = moments.second else { return MomentReferences(first: first) }
        return MomentReferences(first: first, second: try await run.store.keep(second))
    }
}
