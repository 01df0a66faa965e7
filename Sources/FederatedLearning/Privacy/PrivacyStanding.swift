package import DifferentialPrivacy

/// Where a job stands with its budget.
package struct PrivacyStanding: Sendable, Hashable, Codable {
    package let settings: PrivacySettings
    /// What was charged, in order.
    package let charges: [NoisedSteps]
    /// ε so far, by the job's accountant.
    package let epsilon: Double
    /// How many more rounds the budget covers, at most as many as are left of the job; `nil` without a budget.
    package let coveredRounds: Int?

    /// Adds up what a job was charged with; `nil` when nothing protects its clients.
    ///
    /// - Parameters:
    ///   - configuration: The job.
    ///   - ledger: Its charges.
    ///   - committedRounds: How many rounds it has done.
    /// - Throws: ``PrivacyError`` when an accountant cannot vouch for a charge.
    package init?(of configuration: JobConfiguration, ledger: PrivacyLedger, committedRounds: Int) throws(PrivacyError)
    {
        guard let settings = configuration.privacy else { return nil }
        self.settings = settings
        self.charges = ledger.steps
        self.epsilon = try ledger.epsilon(by: settings)
        self.coveredRounds = try Self.coveredRounds(of: configuration, settings, ledger, after: committedRounds)
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
        guard var step = try configuration.charge(ofRound: committed + 1) else { return left }
        var (low, high) = (0, left)
        while low < high {
            let middle = (low + high + 1) / 2
            step.count = middle
            if try ledger.epsilon(by: settings, with: step) <= budget { low = middle } else { high = middle - 1 }
        }
        return low
    }
}
