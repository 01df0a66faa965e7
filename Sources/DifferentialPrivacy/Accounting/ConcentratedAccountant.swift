private import Foundation

/// Accounts by zero-concentrated differential privacy: one number, ρ, which adds up.
///
/// - **Paper**: Bun & Steinke, arXiv:1605.02065, for ρ = 1/(2z²); Canonne, Kamath & Steinke, arXiv:2004.00010, Proposition
///   12, for ε, at the best of all orders.
/// - **Neighbours**: one participant is added or removed.
/// - **Sampling**: everyone. ρ·α has to bound the divergences of all orders α, and those of a sampled step come close to
///   everyone's as α grows: sampling does not lower ρ. An answer that passes over the sampling would be true and useless, so
///   it is refused.
/// - **Complexity**: O(1).
package struct ConcentratedAccountant: PrivacyAccountant {
    package static let name = "zcdp"

    private var tally = StepTally()

    package init() {}

    /// ρ of everything added.
    package var rho: Double { tally.precisionWithEveryone / 2 }

    package mutating func add(_ steps: NoisedSteps) throws(PrivacyError) {
        try steps.validate()
        guard steps.sampling.rate == 1 else {
            throw .sampling(
                accountant: Self.name,
                reason:
                    "concentrated privacy gains nothing from sampling participants. Use `rdp` or `pld`, or let everyone "
                    + "take part."
            )
        }
        try tally.add(steps)
    }

    package func epsilon(delta: Double) -> Double { Self.epsilon(rho: rho, delta: delta) }

    /// The ε that ρ stands for at a δ.
    ///
    /// - Parameters:
    ///   - rho: ρ, at least 0.
    ///   - delta: δ in (0, 1).
    /// - Returns: The smallest ε over all orders, found to many digits; an upper bound wherever the search ends.
    package static func epsilon(rho: Double, delta: Double) -> Double {
        guard rho > 0 else { return 0 }
        guard delta > 0, rho.isFinite else { return .infinity }
        guard delta < 1 else { return 0 }
        // ε as a function of log(α − 1) falls and then rises.
        func epsilon(_ place: Double) -> Double {
            let order = 1 + exp(place)
            return RenyiConversion.epsilon(order: order, divergence: rho * order, delta: delta)
        }
        // The best order is near 1 + √(log(1/δ)/ρ).
        let guess = 0.5 * log(-log(delta) / rho)
        let (_, smallest) = ScalarSearch.minimum(of: epsilon, from: guess - 6, to: guess + 6)
        return max(0, smallest)
    }
}
