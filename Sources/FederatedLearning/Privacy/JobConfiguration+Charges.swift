package import DifferentialPrivacy

extension JobConfiguration {
    /// The rate at which secret coins draw a client for a round; `nil` where none are flipped.
    var samplingRate: Double? {
        guard privacy?.sampling == .poisson else { return nil }
        return Double(cohort.size) / Double(max(cohort.population, cohort.size))
    }

    /// Whether somebody counts what the job's rounds cost: the server, or each silo for itself.
    package var isCharged: Bool { privacy != nil }

    /// What the server is charged for the result of the next round; `nil` where that adds nothing to what was charged before.
    ///
    /// Where coins draw the clients, ε is for runs with and without one of them. Otherwise another client would be drawn in its
    /// place, and ε is for runs that draw the same clients, in one of which a client's updates are left out and their places
    /// stay empty: that changes the sum of a round by C at most, and everybody may be in every round.
    ///
    /// Charges of `local` are for each client, and its worst: one that takes part in every round. What `example-level`
    /// costs depends on the number of a silo's examples, and only the silo's own ledger counts it.
    ///
    /// - Parameter ledger: What the job was charged before, for rounds that were given up, too.
    /// - Returns: The steps to add.
    /// - Throws: ``PrivacyError`` when the rounds are too many for a tree.
    package func charge(after ledger: PrivacyLedger) throws(PrivacyError) -> NoisedSteps? {
        guard let privacy else { return nil }
        switch privacy.mechanism {
        case .central:
            return NoisedSteps(
                noiseMultiplier: privacy.noiseMultiplier,
                sampling: samplingRate.map { $0 < 1 ? .poisson(rate: $0) : .everyone } ?? .everyone
            )
        case .local:
            return PrivacySettings.chargeOfLocalNoise(multiplier: privacy.noiseMultiplier)
        case .tree:
            // One release of the whole tree: all of its nodes are decided when the first is handed out, and stay what they are
            // when that round is attempted again.
            guard ledger.steps.isEmpty else { return nil }
            let participation = try TreeParticipation(
                steps: rounds,
                maximum: rounds,
                minimumSeparation: privacy.minimumSeparation
            )
            return participation.release(noiseMultiplier: privacy.noiseMultiplier)
        case .exampleLevel:
            return nil
        }
    }
}

extension PrivacySettings {
    /// What one noised update costs its client.
    ///
    /// Nobody can tell whether a client's data was one or another: neighbours are any two data sets, whose clipped updates
    /// lie up to 2C apart, and not a sum with and without an update of norm C.
    package static func chargeOfLocalNoise(multiplier: Double) -> NoisedSteps {
        NoisedSteps(noiseMultiplier: multiplier / 2, sampling: .everyone)
    }
}
