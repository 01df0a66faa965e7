import Aggregation
package import DifferentialPrivacy

/// Where a job stands with its budget.
package struct PrivacyStanding: Sendable, Hashable, Codable {
    package let settings: PrivacySettings
    /// What was charged, in order.
    package let charges: [NoisedSteps]
    /// ε so far, by the job's accountant; where silos count for themselves, of the one that has paid most.
    package let epsilon: Double
    /// ε of each silo by its own ledger, by name; empty where the server counts.
    package let silos: [String: Double]
    /// How many more rounds the budget covers, at most as many as are left of the job; `nil` without a budget, and where
    /// silos count for themselves.
    package let coveredRounds: Int?

    /// Adds up what a job was charged with; `nil` when nothing protects its clients.
    ///
    /// - Parameters:
    ///   - configuration: The job.
    ///   - state: Where it stands.
    /// - Throws: ``PrivacyError`` when an accountant cannot vouch for a charge.
    package init?(of configuration: JobConfiguration, state: RunState) throws(PrivacyError) {
        guard let settings = configuration.privacy else { return nil }
        self.settings = settings
        self.charges = state.ledger.steps
        // Where the server counts, nobody is believed what it says of its own.
        let standings = settings.mechanism == .exampleLevel ? state.siloStandings : [:]
        self.silos = Dictionary(uniqueKeysWithValues: standings.map { ($0.key.rawValue, $0.value.epsilon) })
        self.epsilon = max(try state.ledger.epsilon(by: settings), silos.values.max() ?? 0)
        self.coveredRounds =
            settings.mechanism == .exampleLevel
            ? nil
            : try Self.coveredRounds(of: configuration, settings, state.ledger, after: state.committedRounds)
    }

    /// The largest number of further rounds within the budget; ε grows with each.
    private static func coveredRounds(
        of configuration: JobConfiguration,
        _ settings: PrivacySettings,
        _ ledger: PrivacyLedger,
        after committed: Int
    ) throws(PrivacyError) -> Int? {
        guard let budget = settings.epsilonBudget else { return nil }
        let left = max(0, configuration.rounds - committed)
        guard var step = try configuration.charge(after: ledger) else { return left }
        // A tree is paid for once, whatever is left of the job.
        if settings.mechanism == .tree {
            return try ledger.epsilon(by: settings, with: step) <= budget ? left : 0
        }
        var (low, high) = (0, left)
        while low < high {
            let middle = (low + high + 1) / 2
            step.count = middle
            if try ledger.epsilon(by: settings, with: step) <= budget { low = middle } else { high = middle - 1 }
        }
        return low
    }
}
