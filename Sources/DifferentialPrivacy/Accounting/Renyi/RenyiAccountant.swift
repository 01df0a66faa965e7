private import Foundation

/// Accounts by Rényi differential privacy, order by order.
///
/// - **Paper**: Mironov, Talwar & Zhang, arXiv:1908.10530, for the divergences; Canonne, Kamath & Steinke,
///   arXiv:2004.00010, Proposition 12, for ε.
/// - **Neighbours**: one participant is added or removed.
/// - **Sampling**: everyone, or Poisson; both gain from what they are. A cohort of fixed size is neither.
/// - **Answers**: upper bounds, tight for many loud steps and loose for few quiet ones, where ``LossDistributionAccountant``
///   may answer a small part of it.
/// - **Complexity**: O(orders) an answer; a new kind of step costs each order's series, about a millisecond or two.
package struct RenyiAccountant: PrivacyAccountant {
    package static let name = "rdp"

    /// Those of dp-accounting, so that answers can be compared: tenths to 10.9, whole numbers to 63, four powers of two.
    package static let defaultOrders: [Double] = {
        let tenths = (1..<100).map { 1 + Double($0) / 10 }
        return tenths + (11...63).map { Double($0) } + [128, 256, 512, 1024]
    }()

    private let orders: [Double]
    private var tally = StepTally()
    /// The divergences of one step of each of the tally's entries.
    private var divergences: [[Double]] = []

    package init() { self.init(orders: Self.defaultOrders) }

    /// Creates an accountant that looks at other orders.
    ///
    /// - Parameter orders: Numbers above 1. Any set gives upper bounds; more make them tighter.
    package init(orders: [Double]) {
        precondition(orders.allSatisfy { $0 > 1 && $0.isFinite }, "Rényi orders lie above 1")
        self.orders = orders
    }

    package mutating func add(_ steps: NoisedSteps) throws(PrivacyError) {
        try tally.add(steps)
        for entry in tally.entries.dropFirst(divergences.count) {
            let step = SampledGaussianDivergence(noiseMultiplier: entry.noiseMultiplier, rate: entry.sampling.rate)
            divergences.append(orders.map(step.bound(order:)))
        }
    }

    package func epsilon(delta: Double) -> Double { tightest(delta: delta).epsilon }

    /// The answer and the order that it comes from.
    ///
    /// - Parameter delta: δ in (0, 1).
    /// - Returns: ε, and α.
    package func tightest(delta: Double) -> (epsilon: Double, order: Double) {
        let first = orders.first ?? 2
        guard !tally.entries.isEmpty else { return (0, first) }
        // What is not a number is no probability either.
        guard delta > 0 else { return (.infinity, first) }
        guard delta < 1 else { return (0, first) }
        var best = (epsilon: Double.infinity, order: first)
        for (order, divergence) in zip(orders, composed) {
            let epsilon = RenyiConversion.epsilon(order: order, divergence: divergence, delta: delta)
            if epsilon < best.epsilon { best = (epsilon, order) }
        }
        return (max(0, best.epsilon), best.order)
    }

    /// The divergence of everything added, by order: divergences of steps add up, also where later steps depend on earlier
    /// results.
    ///
    /// Infinite at orders whose series does not converge, which thus have no say.
    package var composed: [Double] {
        var sums = [Double](repeating: 0, count: orders.count)
        for (entry, divergences) in zip(tally.entries, divergences) {
            for place in sums.indices { sums[place] += Double(entry.count) * divergences[place] }
        }
        // Sums of rounded logarithms may fall short in their last digits, which an upper bound must not.
        return sums.map { $0 * (1 + 1e-9) }
    }
}
