import Aggregation
import Logging

extension RunDriver {
    /// Has the global adapter evaluated by everybody who is there, and stores what they report.
    ///
    /// The adapter is committed by now, so that nothing that happens here can lose it.
    mutating func evaluate(after round: Int) async throws {
        guard try await gather(for: round, minimum: 0) else { return }
        guard var evaluation = openEvaluation() else { return try await take(.evaluated(round: round)) }
        var alarm: (time: Duration, bell: RunAlarm)?
        defer { alarm?.bell.cancel() }
        try await perform(evaluation.machine.start(present: jury()), of: &evaluation)
        while !evaluation.isOver {
            evaluation.machine.settle(at: run.clock.now())
            let time = evaluation.machine.nextAlarm
            if alarm?.time != time {
                alarm?.bell.cancel()
                alarm = (time, run.inbox.alarm(at: time, by: run.clock))
            }
            let actions: [EvaluationStateMachine.Action]
            switch try await next() {
            case .event(let event):
                if case .offered = event { await answerIdle(event) }
                actions = tell(&evaluation.machine, of: event)
            case .alarm: actions = evaluation.machine.reached(run.clock.now())
            case .cancelled: actions = evaluation.machine.cancelled()
            case .ended: actions = []
            }
            try await perform(actions, of: &evaluation)
        }
    }

    /// Who is asked to judge the current adapter: everybody who is there, or as many of them as the job says.
    func jury() -> Set<ClientID> {
        guard let count = run.configuration.evaluation.clients, count < present.count else { return Set(present.keys) }
        let drawn = CohortSelection.select(
            from: present.values,
            count: count,
            seed: run.configuration.seed,
            round: state.committedRounds,
            for: .evaluation
        )
        return Set(drawn.map(\.id))
    }

    /// Prepares the evaluation of the current global adapter; `nil` when there is none.
    func openEvaluation() -> OpenEvaluation? {
        guard let global = state.global else { return nil }
        return OpenEvaluation(
            order: run.evaluationOrder(of: global, after: state.committedRounds),
            minimum: run.configuration.cohort.minimum,
            limit: run.configuration.evaluation.clients,
            deadline: run.clock.now() + run.limits.evaluationDeadline,
            absence: run.limits.absence
        )
    }

    mutating func perform(
        _ actions: [EvaluationStateMachine.Action],
        of evaluation: inout OpenEvaluation
    ) async throws {
        let order = evaluation.order
        for action in actions {
            switch action {
            case .order(let client):
                evaluation.downloads[client, default: 0] += download(order.adapter, by: client)
                await run.backend.send(order, to: client)
            case .confirm(let client):
                await run.backend.confirm(order.id, to: client)
            case .withdraw(let client, let id, let reason):
                await run.backend.withdraw(id, from: client, reason: reason)
            case .close(let reports):
                try await close(order.id, with: reports, downloads: evaluation.downloads)
                evaluation.isOver = true
            case .cancel:
                try await take(.cancelled)
                evaluation.isOver = true
            }
        }
    }

    /// Tells the evaluation what happened.
    func tell(_ machine: inout EvaluationStateMachine, of event: CohortEvent) -> [EvaluationStateMachine.Action] {
        switch event {
        case .arrived(let profile):
            return machine.arrived(profile.id)
        case .departed(let client):
            machine.departed(client)
            return []
        case .failed(let client, let order, let reason):
            run.observe(.failed(order, client, reason: PeerText.sentence(reason)))
            return machine.failed(client, order: order)
        case .progressed, .offered:
            return []
        case .evaluated(let client, let order, let report):
            let report = bounded(report)
            run.observe(.reported(order, client, report))
            return machine.reported(client, order: order, report)
        }
    }

    /// A report as it may be stored: a count within the policy, finite figures with plain names.
    private func bounded(_ report: EvaluationReport) -> EvaluationReport {
        EvaluationReport(
            exampleCount: min(max(report.exampleCount, 0), run.limits.exampleCount),
            metrics: PeerText.figures(report.metrics)
        )
    }

    private mutating func close(
        _ order: WorkOrder.ID,
        with reports: [ClientID: EvaluationReport],
        downloads: [ClientID: Int]
    ) async throws {
        let round = order.round
        let overall = RoundFigures.overall(reports)
        let clients = reports.keys.sorted()
        try await take(
            .measured(RoundFigures.evaluation(reports, overall: overall, downloads: downloads, round: round))
        )
        for client in clients { await run.backend.confirm(order, to: client) }
        try await take(.evaluated(round: round))
        run.logger.info(
            "An adapter is evaluated",
            metadata: ["round.id": "\(round)", "clients": "\(reports.count)", "examples": "\(overall.exampleCount)"]
        )
        run.observe(.evaluated(round: round, reports: reports, overall: overall))
    }
}
