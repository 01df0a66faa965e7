import Adapters
import Aggregation
import DifferentialPrivacy
import Logging

// What a run does about privacy: it refuses the round that its budget does not cover, and charges before it releases.

extension RunDriver {
    /// Why a round must not be opened; `nil` when the budget covers it.
    func budgetShortage(forRound round: Int) throws -> String? {
        let configuration = run.configuration
        guard let privacy = configuration.privacy, let budget = privacy.epsilonBudget,
            let steps = try configuration.charge(after: state.ledger)
        else { return nil }
        let spent = try state.ledger.epsilon(by: privacy)
        let next = try state.ledger.epsilon(by: privacy, with: steps)
        guard next > budget else { return nil }
        return """
            Round \(round) would bring ε from \(PrivacyFigure.text(spent)) to \(PrivacyFigure.text(next)), above the \
            `privacy.epsilon_budget` of \(PrivacyFigure.text(budget)) at δ = \(privacy.delta). The adapter of round \
            \(state.committedRounds) is the result; for more rounds, submit a job with more noise or a larger budget.
            """
    }

    /// Ends the job because its budget covers no more.
    ///
    /// Its last adapter is evaluated, as every job's is.
    mutating func exhaust(_ reason: String) async throws {
        run.logger.warning("The privacy budget is exhausted", metadata: ["reason": "\(reason)"])
        if let evaluated = state.evaluatedRound, evaluated < state.committedRounds {
            try await evaluate(after: state.committedRounds)
        }
        guard !state.phase.isFinal else { return }
        try await take(.exhausted(reason: reason))
    }

    /// Whether a silo's own ledger leaves it no further round within the job's budget.
    ///
    /// It would refuse; so it is not asked.
    var isSpent: (ClientID) -> Bool {
        guard let budget = siloBudget else { return { _ in false } }
        let standings = state.siloStandings
        return { client in standings[client].map { $0.next > budget } ?? false }
    }

    /// Why too few silos can take part in another round; `nil` when enough can, or may still come.
    ///
    /// Nobody is counted out before others had time to come: at the start, and after a restart, whoever is first may be the one
    /// whose budget is spent.
    ///
    /// - Parameter hasWaited: Whether it has been waited for others as long as the job may wait.
    /// - Returns: The reason, for people.
    func spentSilos(hasWaited: Bool = false) -> String? {
        let minimum = run.configuration.closingMinimum
        // Whoever has taken part counts, though it is away for a moment.
        let known = Set(state.siloStandings.keys).union(present.keys)
        let spent = known.filter(isSpent).sorted()
        let hasGathered = run.clock.now() >= gatheringEnd && present.count >= minimum
        guard !spent.isEmpty, known.count - spent.count < minimum, hasWaited || hasGathered else { return nil }
        return shortage(of: spent)
    }

    /// Why no more can be asked of silos whose budget is spent.
    func shortage(of spent: [ClientID]) -> String {
        let work = run.configuration.asynchronous == nil ? "Another round" : "Another training"
        return """
            \(work) would exceed the `privacy.epsilon_budget` of \(spent.map { "'\($0)'" }.joined(separator: ", ")), by their own \
            ledgers. The adapter of round \(state.committedRounds) is the result.
            """
    }

    /// Whether the ledger of the silo that sent an update leaves it no further training within the job's budget.
    func isSpent(after offer: UpdateOffer) -> Bool {
        guard let budget = siloBudget, let standing = SiloStanding(offer.metrics) else { return false }
        return standing.next > budget
    }

    /// The budget of a job whose silos count for themselves; in others nobody is believed what it says of its own.
    private var siloBudget: Double? {
        guard let privacy = run.configuration.privacy, privacy.mechanism == .exampleLevel else { return nil }
        return privacy.epsilonBudget
    }

    /// Charges a round whose clients add the noise, before they are asked: what they send is released whatever becomes of
    /// the round.
    mutating func chargeForClients(_ round: RunState.OpenRound) async throws {
        guard let privacy = run.configuration.privacy, !privacy.isCentral, round.charge == nil,
            let steps = try run.configuration.charge(after: state.ledger)
        else { return }
        try await take(
            .charged(
                PrivacyCharge(round: round.number, steps: steps, clippingNorm: privacy.clippingNorm, noiseKey: nil)
            )
        )
    }

    /// Begins to draw the noise that the server adds to an open round; `nil` where it adds none.
    ///
    /// A round that was charged before the server stopped keeps its key. Otherwise the key is a new one, and means nothing
    /// until ``charge(_:)`` has made it durable.
    func drawNoise(for round: RunState.OpenRound, from global: LoRAAdapter) -> CentralPrivacy? {
        guard let privacy = run.configuration.privacy, privacy.isCentral else { return nil }
        let fresh = run.secrets.key(for: .noise, round: round.number, attempt: state.abandonedAttempts)
        // The nodes of a tree are shared by rounds, so that all of them follow from one key.
        let shared = privacy.mechanism == .tree ? state.noiseKey : nil
        return CentralPrivacy(
            settings: privacy,
            expectedCohort: run.configuration.cohort.size,
            round: round.number,
            clippingNorm: round.charge?.clippingNorm ?? state.clippingNorm ?? privacy.clippingNorm,
            noiseKey: round.charge?.noiseKey ?? shared ?? fresh,
            scope: run.strategy.scope(inRound: round.number),
            global: global
        )
    }

    /// Charges a closed round whose noise the server adds.
    ///
    /// What the noise is made from is durable when this returns, and nobody has seen the sum yet.
    mutating func charge(_ privacy: CentralPrivacy) async throws {
        guard state.openRound?.charge == nil else { return }
        try await take(
            .charged(
                PrivacyCharge(
                    round: privacy.round,
                    steps: try run.configuration.charge(after: state.ledger),
                    clippingNorm: privacy.clippingNorm,
                    noiseKey: privacy.noiseKey,
                    isKeyShared: privacy.settings.mechanism == .tree
                )
            )
        )
    }

    /// What the job has cost up to a round, for tables and charts: where silos count themselves, the one that paid most.
    func privacyFigures(ofRound round: Int) -> [Measurement] {
        guard let privacy = run.configuration.privacy else { return [] }
        let epsilon =
            privacy.mechanism == .exampleLevel
            ? state.siloStandings.values.map(\.epsilon).max()
            : try? state.ledger.epsilon(by: privacy)
        var figures: [(String, Double)] = []
        if let epsilon { figures.append((SiloStanding.epsilonName, epsilon)) }
        if let norm = state.openRound?.charge?.clippingNorm { figures.append(("clipping_norm", norm)) }
        return figures.map { Measurement(round: round, client: nil, phase: "round", name: $0.0, value: $0.1) }
    }
}

extension JobConfiguration {
    /// With how many updates a round closes.
    func closingSize(of round: RunState.OpenRound) -> Int {
        samplingRate == nil ? cohort.size : round.cohort.count
    }

    /// With how many updates a round may close when no more can come.
    ///
    /// Where secret coins drew the cohort, whether a round ends must not tell how many there were.
    var closingMinimum: Int { samplingRate == nil ? cohort.minimum : 0 }
}
