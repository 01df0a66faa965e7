/// Shrinks changes that are longer than a bound to the bound: xᵢ ← x⁰ᵢ + min(1, C/‖xᵢ − x⁰ᵢ‖)·(xᵢ − x⁰ᵢ).
///
/// Sun et al., "Can you really backdoor federated learning?", 2019, arXiv:1911.07963. No client pulls the mean further
/// than C times its weight; in the direction of a pull it does not help. x⁰ᵢ is what the client downloaded.
package struct NormBounding: RobustRule, Equatable {
    /// C.
    package enum Bound: Sendable, Hashable {
        /// A length; above 0.
        case fixed(Double)
        /// The median of the lengths of the round's changes; with an even number, the mean of the two in the middle.
        case median
    }

    package let bound: Bound

    /// Creates the rule.
    package init(_ bound: Bound) {
        if case .fixed(let length) = bound {
            precondition(length > 0 && length.isFinite, "\(length) bounds no change")
        }
        self.bound = bound
    }

    package var name: String { "norm-bound" }

    package var measure: ChangeMeasure { .norms }

    package var minimumUpdates: Int { 1 }

    package func verdict(weights: [Double], changes: InnerProducts?) -> RobustVerdict {
        guard let changes else { preconditionFailure("Norm bounding was not told the norms") }
        let norms = (0..<changes.count).map { changes.norm($0) }
        let length =
            switch bound {
            case .fixed(let length): length
            case .median: CoordinateRule.median.combine(norms.sorted().span)
            }
        return .scales(norms.map { $0 > length ? length / $0 : 1 })
    }
}
