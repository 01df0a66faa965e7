package import Adapters
package import Aggregation

/// Checks an offered update against the job before anything is computed with it.
///
/// What is stated about the update costs nothing to check and is checked first, by whoever is about to take its bytes:
/// ``check(_:against:exampleLimit:)``. The tensors are checked when the bytes are there. Whose turn it is, and whether
/// the round still wants the update, ``RoundStateMachine`` decides.
package struct UpdateIntake: Sendable {
    /// What a payload may be larger than the one that was handed out: a header with other padding or metadata.
    package static let byteAllowance = 64 * 1024

    private let handed: [ClientID: AdapterReference]
    private let global: LoRAAdapter
    private let rules: LocalRules
    private let exampleLimit: Int

    /// Prepares the checks of one round.
    ///
    /// - Parameters:
    ///   - round: The round with what each client was handed.
    ///   - global: The adapter that the round starts from; its layers and saved tensors are what an update has to have.
    ///   - rules: What the clients were asked to do.
    ///   - exampleLimit: The largest number of examples that a client may claim.
    package init(
        round: RunState.OpenRound,
        global: LoRAAdapter,
        rules: LocalRules = .plain,
        exampleLimit: Int
    ) {
        self.init(
            handed: Dictionary(round.cohort.map { ($0.client, $0.adapter) }, uniquingKeysWith: { first, _ in first }),
            global: global,
            rules: rules,
            exampleLimit: exampleLimit
        )
    }

    /// Prepares the checks of clients that were handed these adapters.
    package init(
        handed: [ClientID: AdapterReference],
        global: LoRAAdapter,
        rules: LocalRules = .plain,
        exampleLimit: Int
    ) {
        self.handed = handed
        self.global = global
        self.rules = rules
        self.exampleLimit = exampleLimit
    }

    /// Checks what an offer states, before its bytes are asked for.
    ///
    /// - Parameters:
    ///   - offer: The offer.
    ///   - handed: What the client was told to train.
    ///   - rules: How it was told to train it.
    ///   - exampleLimit: The largest number of examples that a client may claim.
    /// - Throws: ``UpdateRejection`` that names the first statement which differs from the order.
    package static func check(
        _ offer: UpdateOffer,
        against handed: AdapterReference,
        rules: LocalRules = .plain,
        exampleLimit: Int
    ) throws(UpdateRejection) {
        let found = offer.adapter
        // A client that prunes itself comes back with a lower rank.
        let ranks = (rules.pruning == nil ? handed.rank : 1)...max(handed.rank, 1)
        guard ranks.contains(found.rank) else { throw .rank(expected: handed.rank, found: found.rank) }
        guard found.alpha == handed.alpha else { throw .alpha(expected: handed.alpha, found: found.alpha) }
        guard found.usesRankStabilizedScaling == handed.usesRankStabilizedScaling else {
            throw .scaling(expectedRankStabilized: handed.usesRankStabilizedScaling)
        }
        let limit = handed.byteCount + byteAllowance
        guard (1...limit).contains(found.byteCount) else { throw .tooLarge(bytes: found.byteCount, limit: limit) }
        guard exampleLimit >= 1, (1...exampleLimit).contains(offer.exampleCount) else {
            throw .exampleCount(offer.exampleCount, limit: exampleLimit)
        }
    }

    /// Checks what an offer of the round states.
    package func check(_ offer: UpdateOffer) throws(UpdateRejection) {
        guard let handed = handed[offer.client] else { throw .notInCohort(offer.client, round: offer.order.round) }
        try Self.check(offer, against: handed, rules: rules, exampleLimit: exampleLimit)
    }

    /// Checks the tensors of an offer whose statements were checked.
    package func check(_ adapter: LoRAAdapter, of offer: UpdateOffer) throws(UpdateRejection) {
        let reference = offer.adapter
        let requirements = AdapterRequirements(likeness: global, rank: reference.rank, scaling: reference.scaling)
        do {
            try requirements.check(adapter, source: offer.client.rawValue)
        } catch {
            throw .tensors(reason: error.description)
        }
    }
}

extension AdapterReference {
    /// s, by which the product BA is multiplied: α/r, or α/√r with rank-stabilised scaling.
    package var scaling: Double { scaling(atRank: rank) }

    /// s at another rank with the same α.
    func scaling(atRank rank: Int) -> Double {
        LoRAModule.scaling(alpha: alpha, rank: rank, isRankStabilized: usesRankStabilizedScaling)
    }
}
