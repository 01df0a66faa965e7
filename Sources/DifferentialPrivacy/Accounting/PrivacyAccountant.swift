/// Adds up what noised steps cost, for neighbours that differ by one participant who is added or removed.
package protocol PrivacyAccountant: Sendable {
    /// The name that job files, tables and command lines use: `rdp`, `pld`, `zcdp`.
    static var name: String { get }

    /// Creates an accountant of nothing yet.
    init()

    /// Adds steps to what has been released.
    ///
    /// - Throws: ``PrivacyError`` when a parameter is out of its range, or this accountant cannot vouch for the sampling.
    mutating func add(_ steps: NoisedSteps) throws(PrivacyError)

    /// What everything added costs.
    ///
    /// - Parameter delta: δ in (0, 1).
    /// - Returns: ε, an upper bound: infinite when there is none, as at a δ that is not above 0.
    func epsilon(delta: Double) -> Double
}
