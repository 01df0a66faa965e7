package import Aggregation
package import DifferentialPrivacy

/// Where a run stands: the fold of every ``RunChange`` so far.
package struct RunState: Hashable, Sendable, Codable {
    package enum Phase: Hashable, Sendable, Codable {
        case pending
        case running
        case finished
        case failed(reason: String)
        case cancelled
        /// The next round would have cost more than `privacy.epsilon_budget`; the latest adapter stays.
        case exhausted(reason: String)

        /// Whether nothing can follow.
        package var isFinal: Bool {
            switch self {
            case .pending, .running: false
            case .finished, .failed, .cancelled, .exhausted: true
            }
        }
    }

    /// A round whose updates are being collected.
    package struct OpenRound: Hashable, Sendable, Codable {
        package let number: Int
        package var cohort: [CohortMember] {
            didSet { members = Set(cohort.map(\.client)) }
        }
        /// The accepted updates, by client.
        package var accepted: [ClientID: UpdateOffer]
        /// What the release of its result was charged with; once it has a key for noise, nothing more is accepted.
        package var charge: PrivacyCharge?
        /// Who is in the cohort, to look up: cohorts of thousands are asked for each of their updates.
        private var members: Set<ClientID>

        private enum CodingKeys: CodingKey {
            case number, cohort, accepted, charge
        }

        package init(
            number: Int,
            cohort: [CohortMember],
            accepted: [ClientID: UpdateOffer] = [:],
            charge: PrivacyCharge? = nil
        ) {
            self.charge = charge
            self.number = number
            self.cohort = cohort
            self.accepted = accepted
            members = Set(cohort.map(\.client))
        }

        package init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            self.init(
                number: try container.decode(Int.self, forKey: .number),
                cohort: try container.decode([CohortMember].self, forKey: .cohort),
                accepted: try container.decode([ClientID: UpdateOffer].self, forKey: .accepted),
                charge: try container.decodeIfPresent(PrivacyCharge.self, forKey: .charge)
            )
        }

        /// Whether this client was handed work in this round.
        func contains(_ client: ClientID) -> Bool { members.contains(client) }
    }

    package var phase: Phase
    /// The global adapter that the latest committed round left.
    package var global: AdapterReference?
    /// What the server's optimizer carries on from the latest committed round; `nil` where there is none.
    package var moments: MomentReferences?
    /// How many rounds are committed.
    package var committedRounds: Int
    package var openRound: OpenRound?
    /// How often the next round was given up since the latest commit.
    package var abandonedAttempts: Int
    /// The latest round whose adapter's evaluation is over; 0 is the initial adapter's.
    package var evaluatedRound: Int?
    /// The updates that the latest committed round counted, so that a client whose acknowledgement was lost hears
    /// `accepted` again.
    package var countedUpdates: [ClientID: ContentDigest]
    /// Who works on what, and what waits to be combined, in asynchronous rounds; empty in others.
    package var asynchronous: AsynchronousProgress
    /// What has been charged for privacy, in rounds that were given up, too.
    package var ledger: PrivacyLedger
    /// To what updates are clipped next; `nil` for the job's own `clipping_norm`.
    package var clippingNorm: Double?
    /// Where each silo stands by its own ledger, where silos add the noise to their steps: also by updates of rounds that were
    /// given up, which it has released all the same.
    package var siloStandings: [ClientID: SiloStanding]
    /// What the noise of all rounds is made from, where they share it; `nil` again when the run has ended.
    package var noiseKey: NoiseKey?

    package init(
        phase: Phase = .pending,
        global: AdapterReference? = nil,
        moments: MomentReferences? = nil,
        committedRounds: Int = 0,
        openRound: OpenRound? = nil,
        abandonedAttempts: Int = 0,
        evaluatedRound: Int? = nil,
        countedUpdates: [ClientID: ContentDigest] = [:],
        asynchronous: AsynchronousProgress = AsynchronousProgress(),
        ledger: PrivacyLedger = PrivacyLedger(),
        clippingNorm: Double? = nil,
        siloStandings: [ClientID: SiloStanding] = [:],
        noiseKey: NoiseKey? = nil
    ) {
        self.ledger = ledger
        self.clippingNorm = clippingNorm
        self.siloStandings = siloStandings
        self.noiseKey = noiseKey
        self.phase = phase
        self.global = global
        self.moments = moments
        self.committedRounds = committedRounds
        self.openRound = openRound
        self.abandonedAttempts = abandonedAttempts
        self.evaluatedRound = evaluatedRound
        self.countedUpdates = countedUpdates
        self.asynchronous = asynchronous
    }

    /// Takes one step.
    ///
    /// A step that was already taken, or that does not follow from here, changes nothing: a store may be told the same
    /// step twice after a crash. Both the stores and the run fold with this function, so they cannot disagree.
    package mutating func apply(_ change: RunChange) {
        guard !phase.isFinal else { return }
        switch change {
        case .began(let initial):
            guard phase == .pending else { return }
            phase = .running
            global = initial
        case .opened(let round, let cohort):
            guard phase == .running, openRound == nil, asynchronous.isEmpty, round == committedRounds + 1 else {
                return
            }
            openRound = OpenRound(number: round, cohort: cohort)
        case .assigned(let task, let client):
            guard phase == .running, openRound == nil, task.version == committedRounds else { return }
            asynchronous.assign(task, to: client)
        case .accepted(let offer):
            guard accept(offer), let standing = SiloStanding(offer.metrics) else { return }
            siloStandings[offer.client] = standing
        case .joined(let round, let member):
            guard let open = openRound, open.number == round, open.isAccepting,
                !open.contains(member.client)
            else { return }
            openRound?.cohort.append(member)
        case .charged(let charge):
            guard openRound?.number == charge.round, openRound?.charge == nil else { return }
            openRound?.charge = charge
            if let steps = charge.steps { ledger.add(steps) }
            if charge.isKeyShared { noiseKey = charge.noiseKey }
        case .committed(let round, let global, let moments, let clippingNorm):
            guard isOpen(round) else { return }
            self.global = global
            self.moments = moments
            self.clippingNorm = clippingNorm
            committedRounds = round
            countedUpdates = openRound?.accepted.mapValues(\.adapter.digest) ?? [:]
            abandonedAttempts = 0
            openRound = nil
            asynchronous.buffer = []
        case .abandoned(let round, _):
            guard isOpen(round) else { return }
            openRound = nil
            asynchronous.buffer = []
            abandonedAttempts += 1
        case .measured:
            break
        case .evaluated(let round):
            guard phase == .running, round <= committedRounds else { return }
            evaluatedRound = max(evaluatedRound ?? 0, round)
        case .finished:
            guard phase == .running else { return }
            end(.finished)
        case .exhausted(let reason):
            guard phase == .running else { return }
            end(.exhausted(reason: reason))
        case .failed(let reason):
            end(.failed(reason: reason))
        case .cancelled:
            end(.cancelled)
        }
    }

    /// Ends the run; what noise was made from is forgotten, because nothing more is released.
    private mutating func end(_ phase: Phase) {
        self.phase = phase
        noiseKey = nil
        openRound?.charge?.noiseKey = nil
    }

    /// Takes an update into the open round or the buffer.
    ///
    /// - Returns: Whether it was taken.
    private mutating func accept(_ offer: UpdateOffer) -> Bool {
        guard let round = openRound else { return asynchronous.accept(offer) }
        guard offer.order.round == round.number, offer.order.kind == .train, round.isAccepting,
            round.contains(offer.client), round.accepted[offer.client] == nil
        else { return false }
        openRound?.accepted[offer.client] = offer
        return true
    }

    /// Whether something was accepted, or could be, for this round or step.
    private func isOpen(_ round: Int) -> Bool {
        if let openRound { return openRound.number == round }
        return !asynchronous.buffer.isEmpty && round == committedRounds + 1
    }
}

extension RunState.OpenRound {
    /// Whether updates may still come in: not once the noise for their sum is decided.
    package var isAccepting: Bool { charge?.noiseKey == nil }
}

extension RunState {
    /// The answer to an update whose round is not, or no longer, collected.
    ///
    /// A client whose acknowledgement was lost offers its update again, and hears again that it was accepted.
    package func verdict(onSettled offer: UpdateOffer) -> UpdateVerdict {
        if !asynchronous.isEmpty { return asynchronous.verdict(onSettled: offer) }
        let round = offer.order.round
        guard offer.order.kind == .train, round >= 1, round <= committedRounds else {
            return .rejected(reason: UpdateRejection.noRoundOpen.description)
        }
        if round == committedRounds, countedUpdates[offer.client] == offer.adapter.digest { return .accepted }
        return .rejected(reason: UpdateRejection.roundOver(round: round).description)
    }
}
