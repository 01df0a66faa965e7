package import DifferentialPrivacy
private import Synchronization

/// Everything that a job has been charged with, in order.
///
/// Charges are never taken back: a round that was given up after it was charged stays charged.
package struct PrivacyLedger: Hashable, Sendable, Codable {
    /// Charges, equal neighbours together: a job of a thousand rounds alike has one entry.
    package private(set) var steps: [NoisedSteps]

    package init(steps: [NoisedSteps] = []) {
        self.steps = []
        for step in steps { add(step) }
    }

    package mutating func add(_ added: NoisedSteps) {
        guard var last = steps.last, last.noiseMultiplier == added.noiseMultiplier, last.sampling == added.sampling
        else { return steps.append(added) }
        last.count += added.count
        steps[steps.count - 1] = last
    }

    /// Returns the ε of all charges, and of `further` steps after them.
    ///
    /// - Parameters:
    ///   - settings: The job's δ and accountant.
    ///   - further: What is not charged yet.
    /// - Returns: An upper bound; 0 where nothing was charged.
    /// - Throws: ``PrivacyError`` when the accountant cannot vouch for a charge.
    package func epsilon(by settings: PrivacySettings, with further: NoisedSteps? = nil) throws(PrivacyError) -> Double
    {
        var ledger = self
        if let further { ledger.add(further) }
        return try ledger.epsilon(by: settings.accountant, delta: settings.delta)
    }

    /// Returns the ε of all charges: an upper bound; 0 where nothing was charged.
    ///
    /// - Throws: ``PrivacyError`` when the accountant cannot vouch for a charge.
    package func epsilon(by name: PrivacySettings.Accountant, delta: Double) throws(PrivacyError) -> Double {
        guard !steps.isEmpty else { return 0 }
        let question = Question(steps: steps, accountant: name, delta: delta)
        if let known = Self.known.withLock({ $0[question] }) { return known }
        let epsilon = try compute(name, delta: delta)
        Self.known.withLock { known in
            if known.count >= Self.memory { known = [:] }
            known[question] = epsilon
        }
        return epsilon
    }

    /// What was asked of an accountant.
    private struct Question: Hashable {
        let steps: [NoisedSteps]
        let accountant: PrivacySettings.Accountant
        let delta: Double
    }

    /// Answers that were given: the silos of a simulation, the next round and the dashboard ask the same again and again, and
    /// each answer takes up to milliseconds.
    private static let known = Mutex<[Question: Double]>([:])
    /// More than so many answers are forgotten, all at once.
    private static let memory = 1024

    private func compute(_ name: PrivacySettings.Accountant, delta: Double) throws(PrivacyError) -> Double {
        var accountant: any PrivacyAccountant =
            switch name {
            case .renyi: RenyiAccountant()
            case .lossDistribution: LossDistributionAccountant()
            }
        for step in steps { try accountant.add(step) }
        return accountant.epsilon(delta: delta)
    }
}
