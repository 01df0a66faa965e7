package import Aggregation

/// The rules of asynchronous rounds: who works on what, which updates are taken, and when a step is due.
///
/// A value without I/O, like ``RoundStateMachine``. Created anew from the stored state after a crash, it goes on where it
/// was: work that was handed out is waited for again, and a buffer that was full is combined first.
///
/// ```
///                  there is room: assign                 offered: inspect
///         ┌──────┐ ─────────────────────▶ ┌─────────┐ ───────────────────▶ ┌────────────┐
///  ┌────▶ │ idle │ ◀───────────────────── │ working │                      │ inspecting │
///  │      └──────┘        deadline        └─────────┘                      └────────────┘
///  │         ▲                                 │ failed           rejected │          │
///  │ waited  │            ┌─────────┐ ◀────────┘                           │          │
///  │         └─────────── │ resting │ ◀────────────────────────────────────┘          │
///  │                      └─────────┘                                                 │
///  └──────────────────────────────────────────────────────────────────────────────────┘
///                        accepted: record, answer, step when the buffer is full; or too stale
/// ```
package struct AsynchronousStateMachine: Sendable, Hashable {
    /// What the driver does next.
    package enum Action: Hashable, Sendable {
        /// Hand the current version to the client, as a task of this number, and push it.
        case assign(ClientID, number: Int)
        /// Push the work that the client has, again.
        case order(ClientID)
        /// Read the offered adapter, check it against the task, and report with ``inspected(_:_:at:)``.
        case inspect(UpdateOffer)
        /// Make the update part of the stored buffer.
        case record(UpdateOffer)
        case answer(UpdateOffer, UpdateVerdict)
        /// Tell the client that this work is no longer wanted.
        case withdraw(ClientID, number: Int, reason: String)
        /// Combine the updates of these tasks and make the result the next version, then report with
        /// ``stepTaken(at:)`` or ``stepGivenUp(at:)``.
        case step(AsynchronousBuffer<Int>.Step)
        /// The last version is there.
        case close
        /// End the job for this reason.
        case fail(reason: String)
        /// End the job with the versions that it has: none of these has budget left, nothing is out, and no other comes.
        case exhaust([ClientID])
        /// Make the end of the job durable.
        case cancel
    }

    /// What a client does, as far as the server knows.
    private enum Stage: Hashable, Sendable {
        /// Can be given work when there is room.
        case idle
        /// Has work, and until then to answer.
        case working(until: Duration)
        case inspecting(UpdateOffer)
        /// Failed, or sent what cannot be used: it is not asked again before then, so that a client that always fails does
        /// not keep the server busy.
        case resting(until: Duration)

        /// Whether the client takes one of the places.
        var isBusy: Bool {
            switch self {
            case .working, .inspecting: true
            case .idle, .resting: false
            }
        }

        var end: Duration? {
            switch self {
            case .working(let end), .resting(let end): end
            case .idle, .inspecting: nil
            }
        }
    }

    private struct Client: Hashable, Sendable {
        var stage = Stage.idle
        var isPresent = false
        /// Whether its own ledger leaves it no further task.
        var isSpent = false
        /// The number of its latest task, 0 before the first, and the version that it trains from.
        var number = 0
        var version = 0
        var delivery: AsynchronousProgress.Delivery?
        /// Why the update of its latest task was not taken.
        var rejection: UpdateRejection?
    }

    private enum State: Hashable, Sendable {
        /// Handing out and collecting. Can become `closed`.
        case collecting
        case closed
    }

    private let job: JobID
    private let size: Int
    private let steps: Int
    private let deadline: Duration
    private let patience: Duration
    private var buffer: AsynchronousBuffer<Int>
    private var clients: [ClientID: Client]
    private var latestNumber: Int
    private var busyCount = 0
    /// When something last came of the work, or the machine was made.
    private var latestProgress: Duration
    private var state = State.collecting
    /// Until when nobody is taken for the only one that comes.
    private let gatheringEnd: Duration
    private var isGathering: Bool

    /// Creates the machine of a run that begins or goes on.
    ///
    /// - Parameters:
    ///   - job: The job.
    ///   - progress: Where the stored run stands.
    ///   - version: How many steps were taken.
    ///   - spent: Those to whom their own ledgers leave no further task.
    ///   - configuration: The job's `asynchronous`.
    ///   - size: How many clients work at a time.
    ///   - steps: How many steps there are.
    ///   - deadline: How long a client may take for an update.
    ///   - patience: How long nothing may come in before the job fails.
    ///   - gatheringEnd: Until when others may still come whose budget is not spent.
    ///   - now: The time; what is out has its whole deadline from here.
    package init(
        job: JobID,
        progress: AsynchronousProgress,
        version: Int,
        spent: Set<ClientID> = [],
        configuration: JobConfiguration.Asynchronous,
        size: Int,
        steps: Int,
        deadline: Duration,
        patience: Duration,
        gatheringEnd: Duration = .zero,
        now: Duration
    ) {
        self.job = job
        self.gatheringEnd = gatheringEnd
        self.isGathering = now < gatheringEnd
        self.size = size
        self.steps = steps
        self.deadline = deadline
        self.patience = patience
        self.buffer = AsynchronousBuffer(
            configuration.aggregation,
            version: version,
            waiting: progress.buffer.map {
                .init(client: $0.offer.client, version: $0.task.version, update: $0.task.number)
            }
        )
        self.clients = progress.tasks.reduce(into: [:]) { clients, entry in
            clients[entry.key] = Client(
                isSpent: spent.contains(entry.key),
                number: entry.value.number,
                version: entry.value.version,
                delivery: progress.deliveries[entry.key]
            )
        }
        self.latestNumber = progress.latestNumber
        self.latestProgress = now
        // The latest tasks are out. What is too old by now, and what was given up before, is not waited for.
        let open = progress.tasks.keys.compactMap { client in progress.openTask(of: client).map { (client, $0) } }
            .filter { version - $0.1.version <= configuration.maximumStaleness }
            .sorted { $0.1.number > $1.1.number }
        for (client, _) in open.prefix(size) { set(.working(until: now + deadline), for: client) }
    }

    // MARK: - What can be read

    /// When ``reached(_:)`` has something to do next.
    ///
    /// - Complexity: O(clients), as is every event: the arithmetic of an update takes far longer.
    package var nextAlarm: Duration {
        let end = isGathering ? min(gatheringEnd, latestProgress + patience) : latestProgress + patience
        return clients.values.compactMap(\.stage.end).reduce(end, min)
    }

    // MARK: - Events

    /// Pushes the work that is out to those who are there, combines what is due, and hands out work.
    package mutating func start(present: Set<ClientID>, at now: Duration) -> [Action] {
        for client in present { clients[client, default: Client()].isPresent = true }
        let orders = present.sorted().filter { clients[$0]?.stage.isBusy == true }.map { Action.order($0) }
        if let step = buffer.stepDue() { return orders + [.step(step)] }
        return orders + handOut(at: now)
    }

    /// A client that can take part connected, perhaps again.
    package mutating func arrived(_ client: ClientID, at now: Duration) -> [Action] {
        guard state == .collecting else { return [] }
        clients[client, default: Client()].isPresent = true
        switch clients[client]?.stage {
        case .working: return [.order(client)]
        case .inspecting: return []
        case .idle, .resting, nil: return handOut(at: now)
        }
    }

    /// A client's connection ended; it may come back before its deadline and go on.
    package mutating func departed(_ client: ClientID) {
        clients[client]?.isPresent = false
    }

    /// A client will not, or could not, do its work.
    package mutating func failed(_ client: ClientID, order: WorkOrder.ID, at now: Duration) -> [Action] {
        guard state == .collecting, let known = clients[client], isOrder(order, of: known),
            case .working = known.stage
        else { return [] }
        set(.resting(until: now + deadline), for: client)
        return handOut(at: now)
    }

    /// An update lies ready.
    package mutating func offered(_ offer: UpdateOffer) -> [Action] {
        guard let known = clients[offer.client], offer.order.job == job, offer.order.kind == .train else {
            return reject(offer, .taskOver(number: offer.order.round))
        }
        if let delivery = known.delivery, delivery.number == offer.order.round {
            return delivery.digest == offer.adapter.digest
                ? [.answer(offer, .accepted)] : reject(offer, .differsFromAccepted(delivery.digest))
        }
        guard state == .collecting, isOrder(offer.order, of: known) else {
            return reject(offer, .taskOver(number: offer.order.round))
        }
        if let rejection = known.rejection {
            return reject(offer, .rejectedBefore(reason: rejection.description))
        }
        switch known.stage {
        case .inspecting(let first):
            return first.adapter == offer.adapter ? [] : reject(offer, .beingChecked(first.adapter.digest))
        case .working, .idle, .resting:
            // Who was given up, or said it failed, and then delivers, is welcome.
            set(.inspecting(offer), for: offer.client)
            return [.inspect(offer)]
        }
    }

    /// The adapter of an offer was read and checked.
    ///
    /// - Parameters:
    ///   - offer: The offer that ``Action/inspect(_:)`` named.
    ///   - rejection: Why it cannot be used, or `nil` when it can.
    ///   - isSpent: Whether the client's own ledger leaves it no further task.
    ///   - now: The time.
    /// - Returns: What to do next.
    package mutating func inspected(
        _ offer: UpdateOffer,
        _ rejection: UpdateRejection?,
        isSpent: Bool = false,
        at now: Duration
    ) -> [Action] {
        guard state == .collecting, let known = clients[offer.client], known.stage == .inspecting(offer) else {
            return []
        }
        clients[offer.client]?.isSpent = isSpent
        if let rejection {
            // No second try of the same work: local training is deterministic.
            clients[offer.client]?.rejection = rejection
            set(.resting(until: now + deadline), for: offer.client)
            return reject(offer, rejection) + handOut(at: now)
        }
        set(.idle, for: offer.client)
        switch buffer.receive(.init(client: offer.client, version: known.version, update: known.number)) {
        case .dropStale(let staleness, let limit):
            let rejection = UpdateRejection.tooStale(staleness: staleness, limit: limit)
            clients[offer.client]?.rejection = rejection
            return reject(offer, rejection) + handOut(at: now)
        case .keep, .keepForLater:
            return take(offer, at: now) + handOut(at: now)
        case .combine(let step):
            // Work is handed out after the step, and from its result.
            return take(offer, at: now) + [.step(step)]
        case .ignoreDuplicate, .rejectUnknownVersion:
            return reject(offer, .taskOver(number: offer.order.round)) + handOut(at: now)
        }
    }

    /// The step that was due is taken and stored.
    package mutating func stepTaken(at now: Duration) -> [Action] {
        let next = buffer.stepTaken().next
        guard buffer.version < steps else { return close("The job has all its versions.") + [.close] }
        if let next { return [.step(next)] }
        return handOut(at: now)
    }

    /// The step that was due has no result, and its updates are thrown away.
    package mutating func stepGivenUp(at now: Duration) -> [Action] {
        if let next = buffer.stepGivenUp() { return [.step(next)] }
        return handOut(at: now)
    }

    /// The job cannot go on.
    package mutating func failed(reason: String) -> [Action] {
        guard state == .collecting else { return [] }
        return close("The job has failed.") + [.fail(reason: reason)]
    }

    /// The time is `now`.
    package mutating func reached(_ now: Duration) -> [Action] {
        guard state == .collecting else { return [] }
        var actions: [Action] = []
        for (client, known) in clients.sorted(by: { $0.key < $1.key }) {
            guard let end = known.stage.end, now >= end else { continue }
            if case .working = known.stage {
                actions.append(
                    .withdraw(client, number: known.number, reason: "There was no answer before the deadline.")
                )
            }
            set(.idle, for: client)
        }
        guard now < latestProgress + patience else {
            // Whoever has budget left has stayed away.
            if let end = exhaust() { return actions + end }
            let waited = DurationText.format(patience)
            let reason = """
                Step \(buffer.version + 1) had \(buffer.waitingCount) of \(buffer.aggregation.bufferSize) updates, and none came in \
                for \(waited). Start more clients, or raise `cohort.deadline`, and submit the job again.
                """
            return actions + failed(reason: reason)
        }
        return actions + handOut(at: now)
    }

    /// The job was cancelled.
    package mutating func cancelled() -> [Action] {
        guard state == .collecting else { return [] }
        return close("The job was cancelled.") + [.cancel]
    }

    // MARK: - Parts

    private func isOrder(_ order: WorkOrder.ID, of client: Client) -> Bool {
        order == WorkOrder.ID(job: job, round: client.number, kind: .train)
    }

    private mutating func set(_ stage: Stage, for client: ClientID) {
        guard let former = clients[client]?.stage else { return }
        clients[client]?.stage = stage
        busyCount += (stage.isBusy ? 1 : 0) - (former.isBusy ? 1 : 0)
    }

    private func reject(_ offer: UpdateOffer, _ rejection: UpdateRejection) -> [Action] {
        [.answer(offer, .rejected(reason: rejection.description))]
    }

    private mutating func take(_ offer: UpdateOffer, at now: Duration) -> [Action] {
        clients[offer.client]?.delivery = .init(number: offer.order.round, digest: offer.adapter.digest)
        latestProgress = now
        return [.record(offer), .answer(offer, .accepted)]
    }

    /// Gives work to those who wait for it, while there is room: first to those who were given none the longest.
    ///
    /// Where no more are present than may work at a time, a client goes on at once with the current version. Where nothing is out
    /// and none of all who were ever there has budget left, the job ends.
    private mutating func handOut(at now: Duration) -> [Action] {
        isGathering = isGathering && now < gatheringEnd
        guard state == .collecting, busyCount < size else { return [] }
        if !isGathering, clients.values.allSatisfy(\.isSpent), let end = exhaust() { return end }
        let waiting = clients.filter { $0.value.isPresent && !$0.value.isSpent && $0.value.stage == .idle }
            .sorted { ($0.value.number, $0.key) < ($1.value.number, $1.key) }
        return waiting.prefix(size - busyCount).map { client, _ in
            latestNumber += 1
            clients[client]?.number = latestNumber
            clients[client]?.version = buffer.version
            clients[client]?.rejection = nil
            set(.working(until: now + deadline), for: client)
            return .assign(client, number: latestNumber)
        }
    }

    /// Ends the job when nothing is out and everybody who is there has spent its budget.
    private mutating func exhaust() -> [Action]? {
        let there = clients.filter(\.value.isPresent)
        guard busyCount == 0, !there.isEmpty, there.values.allSatisfy(\.isSpent) else { return nil }
        return close("The privacy budget is exhausted.") + [.exhaust(there.keys.sorted())]
    }

    private mutating func close(_ reason: String) -> [Action] {
        state = .closed
        return clients.sorted { $0.key < $1.key }.compactMap { client, known in
            guard case .working = known.stage else { return nil }
            return .withdraw(client, number: known.number, reason: reason)
        }
    }
}
