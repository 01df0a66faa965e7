package import DifferentialPrivacy

/// A silo's own account of what was released of its data, over all jobs and servers, with the silo's own limit.
///
/// A server may keep wrong books, or none: the silo has the last word.
package protocol PrivacyBook: Sendable {
    /// Checks, before anything is computed, whether an order may still be charged.
    ///
    /// - Throws: ``OrderRefusal/privacy(reason:)`` when the limit is reached, or the order's job protects less than the silo
    ///   asks for.
    func check(_ order: WorkOrder) async throws

    /// Charges a release of an order's result; durable when it returns.
    ///
    /// - Returns: Where the silo stands with the order's job.
    /// - Throws: ``OrderRefusal/privacy(reason:)`` when the limit does not cover it: nothing must be released then.
    func charge(_ steps: NoisedSteps, for order: WorkOrder) async throws -> SiloStanding
}

/// What one job has cost one silo.
package struct SiloStanding: Hashable, Sendable, Codable {
    /// ε so far, at the job's δ.
    package let epsilon: Double
    /// ε after another release like the latest one.
    package let next: Double

    /// Adds up a silo's charges for one job, the latest one included.
    ///
    /// - Throws: ``PrivacyError`` when the accountant cannot vouch for a charge.
    package init(
        of ledger: PrivacyLedger,
        latest: NoisedSteps,
        settings: PrivacySettings
    ) throws(PrivacyError) {
        epsilon = try ledger.epsilon(by: settings)
        next = try ledger.epsilon(by: settings, with: latest)
    }

    package init(epsilon: Double, next: Double) {
        self.epsilon = epsilon
        self.next = next
    }

    /// What an update says of its silo; `nil` when it says nothing.
    package init?(_ figures: [String: Double]) {
        guard let epsilon = figures[Self.epsilonName], let next = figures[Self.nextName], epsilon.isFinite,
            next.isFinite
        else { return nil }
        self.init(epsilon: epsilon, next: next)
    }

    /// The names of both among an update's figures.
    package static let (epsilonName, nextName) = ("epsilon", "epsilon_next")

    /// Both as figures that travel with an update: they follow from the number of examples, and from nothing else of the
    /// data.
    package var figures: [String: Double] { [Self.epsilonName: epsilon, Self.nextName: next] }
}
