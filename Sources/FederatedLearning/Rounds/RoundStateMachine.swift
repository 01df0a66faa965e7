package import Aggregation

/// The rules of one round, from its opening until it closes with enough updates or is given up.
///
/// A value without I/O: the driver tells it what happened and performs, in order, what it answers. It counts every
/// client at most once, closes as soon as no better result can be waited for, and needs no memory beyond the store's:
/// created anew from the stored round after a crash, it goes on where it was.
///
/// ```
///             offered ─▶ inspect ─▶ inspected ─▶ record, answer
///  start ─▶ ┌────────────┐  enough updates, or nobody left to wait for   ┌────────┐
///           │ collecting │ ─────────────────────────────────────────────▶│ closed │
///           └────────────┘  deadline: close, or abandon below the minimum└────────┘
///                           patience over: close with the minimum, as soon as it is there
/// ```
package struct RoundStateMachine: Sendable, Hashable {
    /// What the driver does next.
    package enum Action: Hashable, Sendable {
        /// Push the client's work, for the first time or again.
        case order(ClientID)
        /// Read the offered adapter, check it against the job, and report with ``inspected(_:_:)``.
        case inspect(UpdateOffer)
        /// Make the update part of the stored round.
        case record(UpdateOffer)
        case answer(UpdateOffer, UpdateVerdict)
        /// Find another client for the part of this one, and tell with ``replaced(_:by:)`` who it is.
        case replace(ClientID)
        /// Tell the client that its work is no longer wanted.
        case withdraw(ClientID, reason: String)
        /// Aggregate the updates of these clients, sorted by name.
        case close([ClientID])
        case abandon(reason: String)
        /// Make the end of the job durable.
        case cancel
    }

    /// What became of a client's part.
    private enum Part: Hashable, Sendable {
        case awaited
        /// The connection is gone; the client may come back before the deadline.
        case away
        case inspecting(UpdateOffer)
        /// Nothing is expected any more.
        case lost(reason: String)
        /// What it offered cannot be used, and it gets no second try: local training is deterministic, and whoever sends
        /// rubbish on purpose should not keep the round busy.
        case rejected(UpdateRejection)
        case accepted(ContentDigest)

        var isAccepted: Bool {
            if case .accepted = self { true } else { false }
        }

        /// Whether an update may still come.
        var isOpen: Bool {
            switch self {
            case .awaited, .away, .inspecting: true
            case .lost, .rejected, .accepted: false
            }
        }
    }

    private enum State: Hashable, Sendable {
        /// Waiting for updates. Can become `closed`.
        case collecting
        case closed
    }

    private let id: WorkOrder.ID
    private let size: Int
    private let minimum: Int
    private let deadline: Duration
    private let patienceEnd: Duration?
    private let replacesLost: Bool
    private var parts: [ClientID: Part]
    /// How many clients are accepted, and from how many something may still come: counted along, because cohorts may be
    /// large and every update asks.
    private var acceptedCount: Int
    private var openCount: Int
    /// Of the open ones, how many are away.
    private var awayCount: Int
    /// Whether the minimum is enough by now.
    private var isPatienceOver = false
    /// Whose part has been offered to another client.
    private var succeeded: Set<ClientID> = []
    /// Whose part nobody was there to take.
    private var vacancies: [ClientID] = []
    private var state = State.collecting

    /// Creates the machine of an open round, new or resumed.
    ///
    /// - Parameters:
    ///   - job: The job that the round belongs to.
    ///   - round: The stored round: its cohort, and what it accepted before a crash.
    ///   - size: With how many updates the round closes.
    ///   - minimum: With how many it may close when no more can come.
    ///   - deadline: The time at which the round ends one way or the other.
    ///   - patienceEnd: The time from which on the minimum is enough; `nil` for the deadline.
    ///   - replacesLost: Whether other clients take the parts of those who failed, or vanished, while the round would end
    ///     with fewer updates than `size`.
    package init(
        job: JobID,
        round: RunState.OpenRound,
        size: Int,
        minimum: Int,
        deadline: Duration,
        patienceEnd: Duration? = nil,
        replacesLost: Bool = false
    ) {
        self.id = WorkOrder.ID(job: job, round: round.number, kind: .train)
        self.size = size
        self.minimum = minimum
        self.deadline = deadline
        self.patienceEnd = patienceEnd
        self.replacesLost = replacesLost
        self.parts = Dictionary(
            round.cohort.map { member in
                (member.client, round.accepted[member.client].map { .accepted($0.adapter.digest) } ?? .awaited)
            },
            uniquingKeysWith: { first, _ in first }
        )
        self.acceptedCount = parts.values.count(where: \.isAccepted)
        self.openCount = parts.values.count(where: \.isOpen)
        self.awayCount = parts.values.count { $0 == .away }
    }

    // MARK: - Events

    /// Orders the work that is not done yet from those who are there.
    package mutating func start(present: Set<ClientID>) -> [Action] {
        var actions: [Action] = []
        for client in parts.keys.sorted() where parts[client] == .awaited {
            if present.contains(client) {
                actions.append(.order(client))
            } else {
                set(.away, for: client)
            }
        }
        return actions + closeIfSettled()
    }

    /// A client connected, perhaps again.
    package mutating func arrived(_ client: ClientID) -> [Action] {
        guard state == .collecting else { return [] }
        switch parts[client] {
        case .awaited, .away:
            set(.awaited, for: client)
            return [.order(client)]
        case nil:
            guard isShort, let vacancy = vacancies.first else { return [] }
            vacancies.removeFirst()
            return [.replace(vacancy)]
        case .inspecting, .lost, .rejected, .accepted:
            return []
        }
    }

    /// A client's connection ended.
    ///
    /// It may come back, so the round goes on waiting until the deadline.
    package mutating func departed(_ client: ClientID) {
        if state == .collecting, parts[client] == .awaited { set(.away, for: client) }
    }

    /// A client has been away for so long that another one should do its part.
    ///
    /// It stays part of the round: the first updates count, whoever sends them.
    package mutating func vanished(_ client: ClientID) -> [Action] {
        state == .collecting && parts[client] == .away ? succeed(client) : []
    }

    /// A client was found for the part of another one, or nobody is there.
    package mutating func replaced(_ client: ClientID, by successor: ClientID?) -> [Action] {
        guard state == .collecting else { return [] }
        guard let successor, parts[successor] == nil else {
            vacancies.append(client)
            return closeIfSettled()
        }
        parts[successor] = .awaited
        openCount += 1
        return [.order(successor)]
    }

    /// A client will not, or could not, do its part.
    package mutating func failed(_ client: ClientID, order: WorkOrder.ID, reason: String) -> [Action] {
        guard state == .collecting, order == id else { return [] }
        switch parts[client] {
        case .awaited, .away:
            set(.lost(reason: PeerText.sentence(reason)), for: client)
            return succeedOrClose(client)
        case .inspecting, .lost, .rejected, .accepted, nil:
            return []
        }
    }

    /// An update lies ready.
    package mutating func offered(_ offer: UpdateOffer) -> [Action] {
        guard offer.order == id else { return reject(offer, .otherOrder(offered: offer.order, open: id)) }
        guard let part = parts[offer.client] else {
            return reject(offer, .notInCohort(offer.client, round: id.round))
        }
        switch part {
        case .accepted(let digest):
            return digest == offer.adapter.digest
                ? [.answer(offer, .accepted)] : reject(offer, .differsFromAccepted(digest))
        case .inspecting(let first):
            return first.adapter == offer.adapter ? [] : reject(offer, .beingChecked(first.adapter.digest))
        case .rejected(let rejection):
            return reject(offer, .rejectedBefore(reason: rejection.description))
        case .awaited, .away, .lost:
            // Who said it failed, and then delivers, is welcome.
            guard state == .collecting else { return reject(offer, .roundOver(round: id.round)) }
            set(.inspecting(offer), for: offer.client)
            return [.inspect(offer)]
        }
    }

    /// The adapter of an offer was read and checked.
    ///
    /// - Parameters:
    ///   - offer: The offer that ``Action/inspect(_:)`` named.
    ///   - rejection: Why it cannot be used, or `nil` when it can.
    /// - Returns: What to do next.
    package mutating func inspected(_ offer: UpdateOffer, _ rejection: UpdateRejection?) -> [Action] {
        guard parts[offer.client] == .inspecting(offer) else { return [] }
        guard state == .collecting else {
            set(.lost(reason: "too late"), for: offer.client)
            return reject(offer, .roundOver(round: id.round))
        }
        if let rejection {
            set(.rejected(rejection), for: offer.client)
            return reject(offer, rejection) + succeedOrClose(offer.client)
        }
        set(.accepted(offer.adapter.digest), for: offer.client)
        return [.record(offer), .answer(offer, .accepted)] + closeIfSettled()
    }

    /// The time is `now`.
    package mutating func reached(_ now: Duration) -> [Action] {
        guard state == .collecting else { return [] }
        if now >= deadline { return acceptedCount >= minimum ? close() : abandon("when its deadline passed") }
        guard let patienceEnd, now >= patienceEnd else { return [] }
        isPatienceOver = true
        return closeIfSettled()
    }

    /// Who was ordered, and has not delivered.
    package var awaited: [ClientID] { parts.keys.filter { parts[$0] == .awaited }.sorted() }

    /// The job was cancelled.
    package mutating func cancelled() -> [Action] {
        guard state == .collecting else { return [] }
        state = .closed
        return withdrawals(reason: "The job was cancelled.") + [.cancel]
    }

    // MARK: - Closing

    private mutating func set(_ part: Part, for client: ClientID) {
        guard let former = parts.updateValue(part, forKey: client) else { return }
        acceptedCount += (part.isAccepted ? 1 : 0) - (former.isAccepted ? 1 : 0)
        openCount += (part.isOpen ? 1 : 0) - (former.isOpen ? 1 : 0)
        awayCount += (part == .away ? 1 : 0) - (former == .away ? 1 : 0)
    }

    /// Whether those who are there are fewer than the round wants.
    private var isShort: Bool { acceptedCount + openCount - awayCount < size }

    /// Asks for another client in place of one, once.
    private mutating func succeed(_ client: ClientID) -> [Action] {
        replacesLost && isShort && succeeded.insert(client).inserted ? [.replace(client)] : []
    }

    private mutating func succeedOrClose(_ client: ClientID) -> [Action] {
        let actions = succeed(client)
        // Whether somebody is left to wait for shows when the successor is known.
        return actions.isEmpty ? closeIfSettled() : actions
    }

    private func reject(_ offer: UpdateOffer, _ rejection: UpdateRejection) -> [Action] {
        [.answer(offer, .rejected(reason: rejection.description))]
    }

    /// Closes when enough is in, or when nothing more can come.
    private mutating func closeIfSettled() -> [Action] {
        guard state == .collecting else { return [] }
        if acceptedCount >= size || (isPatienceOver && acceptedCount >= minimum) { return close() }
        if openCount > 0 { return [] }
        return acceptedCount >= minimum ? close() : abandon("when nobody was left to wait for")
    }

    private mutating func close() -> [Action] {
        state = .closed
        return withdrawals(reason: "Round \(id.round) has the updates it needs.") + [
            .close(parts.keys.filter { parts[$0]?.isAccepted == true }.sorted())
        ]
    }

    private mutating func abandon(_ occasion: String) -> [Action] {
        state = .closed
        let lost = parts.keys.sorted().compactMap { client -> String? in
            switch parts[client] {
            case .lost(let reason): "'\(client)' failed (\(reason))"
            case .rejected(let rejection): "the update of '\(client)' was rejected (\(rejection))"
            case .away: "'\(client)' was away"
            case .awaited, .inspecting: "'\(client)' had not delivered"
            case .accepted, nil: nil
            }
        }
        let reason =
            "Round \(id.round) had \(acceptedCount) of at least \(minimum) updates \(occasion)"
            + (lost.isEmpty ? "." : ": \(lost.joined(separator: ", ")).")
        return withdrawals(reason: "Round \(id.round) was given up.") + [.abandon(reason: reason)]
    }

    private func withdrawals(reason: String) -> [Action] {
        parts.keys.sorted().compactMap { client in
            switch parts[client] {
            case .awaited, .away: .withdraw(client, reason: reason)
            case .inspecting, .lost, .rejected, .accepted, nil: nil
            }
        }
    }
}
