/// The accountants that job files and command lines can name.
package enum AccountantRegistry {
    /// All of them, in the order in which they are listed: the tightest first.
    package static let all: [any PrivacyAccountant.Type] = [
        LossDistributionAccountant.self, RenyiAccountant.self, GaussianAccountant.self, ConcentratedAccountant.self,
    ]

    /// Their names.
    package static var names: [String] { all.map { $0.name } }

    /// The accountant of that name, or `nil` when there is none.
    package static func named(_ name: String) -> (any PrivacyAccountant.Type)? { all.first { $0.name == name } }
}

extension PrivacyAccountant {
    /// What steps cost by themselves.
    ///
    /// - Parameters:
    ///   - steps: The steps.
    ///   - delta: δ in (0, 1).
    /// - Returns: ε.
    /// - Throws: ``PrivacyError`` as ``add(_:)`` does.
    package static func epsilon(of steps: NoisedSteps, delta: Double) throws(PrivacyError) -> Double {
        var accountant = Self()
        try accountant.add(steps)
        return accountant.epsilon(delta: delta)
    }
}
