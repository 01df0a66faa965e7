/// Weighs clients so that their mean is the point with the least sum of distances to them: robust federated aggregation.
///
/// Pillutla, Kakade & Harchaoui, "Robust aggregation for federated learning", IEEE TSP 2022, arXiv:1912.13445, by the
/// smoothed Weiszfeld algorithm. With weights αᵢ and z₀ = Σ αᵢxᵢ, repeat
///
///     βᵢ = αᵢ / max(ν, ‖z − xᵢ‖),   z = Σ βᵢxᵢ / Σ βᵢ
///
/// until no distance changes by more than one part in 10⁶. z is never formed: it lies in the span of the changes, so its
/// distances follow from their inner products, and an iteration costs n² multiplications. The paper stops after 3 to 5,
/// because there an iteration is a round of secure sums; but one iteration only takes z a part of the way to the honest
/// clients (3/7 of it is left when 3 of 10 are far away), so a few of them do not withstand a change that is scaled by a
/// million. Its rule to stop, an objective that stands still, does not either: most of the objective is then the far
/// client's distance, which nothing changes. In the limit wrong clients of less than half of the weight are withstood.
///
/// How many examples it has is what a client says about itself, and one that claims more than all others is the median. So
/// none weighs more than three times as much as the one in the middle: less than a quarter of the clients are withstood
/// whatever they claim, when the others have alike numbers.
package struct GeometricMedian: RobustRule, Equatable {
    /// How often the weights are improved, at most.
    package let iterations: Int
    /// ν, the distance below which a client counts no more; above 0.
    package let smoothing: Double

    /// The relative change of the distances that ends the iteration.
    private static let tolerance = 1e-6

    /// How many times the weight in the middle a client may have.
    private static let largestMultiple = 3.0

    /// Enough to come to honest clients from 10¹² times their distance when 3 of 10 are wrong.
    package static let standardIterations = 100

    /// Creates the rule.
    package init(iterations: Int = Self.standardIterations, smoothing: Double = 1e-6) {
        precondition(iterations > 0 && smoothing > 0, "\(iterations) iterations with ν = \(smoothing)")
        self.iterations = iterations
        self.smoothing = smoothing
    }

    package var name: String { "geometric-median" }

    package var measure: ChangeMeasure { .innerProducts }

    package var weighsClients: Bool { true }

    package var minimumUpdates: Int { 1 }

    package func verdict(weights: [Double], changes: InnerProducts?) -> RobustVerdict {
        guard let changes else { preconditionFailure("The geometric median was not told the distances") }
        return .weights(self.weights(from: Self.capped(weights), changes: changes))
    }

    /// Returns weights of which none is more than three times the one in the middle, with a sum of 1.
    ///
    /// Of two in the middle it is the larger, which a minority of wrong clients does not choose either.
    private static func capped(_ weights: [Double]) -> [Double] {
        let limit = largestMultiple * weights.sorted()[weights.count / 2]
        guard weights.contains(where: { $0 > limit }) else { return weights }
        let capped = weights.map { min($0, limit) }
        let total = capped.reduce(0, +)
        return capped.map { $0 / total }
    }

    /// Returns β/Σβ after the last iteration.
    ///
    /// - Complexity: O(n²) an iteration.
    func weights(from alpha: [Double], changes: InnerProducts) -> [Double] {
        var point = alpha
        var distances = Self.distances(to: point, changes: changes)
        for _ in 0..<iterations {
            let beta = zip(alpha, distances).map { $0 / max(smoothing, $1) }
            let total = beta.reduce(0, +)
            point = beta.map { $0 / total }
            let next = Self.distances(to: point, changes: changes)
            let stands = zip(distances, next).allSatisfy { abs($0 - $1) <= Self.tolerance * max(smoothing, $1) }
            distances = next
            if stands { break }
        }
        return point
    }

    /// Returns ‖z − xᵢ‖ for the point z = Σ cⱼxⱼ: ‖z‖² − 2⟨z, xᵢ⟩ + ‖xᵢ‖².
    ///
    /// From inner products and not from distances: a change 10¹² times as long as the others has a coefficient of about
    /// 10⁻¹², so here it adds numbers of the others' size, and there the difference of two that are huge.
    private static func distances(to c: [Double], changes: InnerProducts) -> [Double] {
        let products = (0..<changes.count).map { row in
            (0..<changes.count).reduce(0.0) { $0 + c[$1] * changes[row, $1] }
        }
        let square = zip(c, products).reduce(0) { $0 + $1.0 * $1.1 }
        return (0..<changes.count).map { max(0, square - 2 * products[$0] + changes[$0, $0]).squareRoot() }
    }
}
