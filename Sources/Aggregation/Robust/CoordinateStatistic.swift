/// Replaces the mean of the factors by the median or a trimmed mean, coordinate by coordinate.
///
/// Yin et al., "Byzantine-robust distributed learning: towards optimal statistical rates", ICML 2018, arXiv:1803.01498.
/// The median holds while less than half of the clients are wrong, the trimmed mean while less than the share β is. The
/// values are those of the factors, so all clients need the rank of the global adapter and a strategy that averages
/// factors: another basis of the same product is another set of coordinates.
package struct CoordinateStatistic: RobustRule, Equatable {
    /// Which statistic.
    package enum Kind: Sendable, Hashable {
        case median
        /// Without the share β of the values on either side; 0 ≤ β < ½.
        case trimmedMean(Double)
    }

    package let kind: Kind

    /// Creates the rule.
    package init(_ kind: Kind) {
        if case .trimmedMean(let share) = kind {
            precondition((0..<0.5).contains(share), "a share of \(share) cannot be left out twice")
        }
        self.kind = kind
    }

    package var name: String { kind == .median ? "median" : "trimmed-mean" }

    package var combinesCoordinates: Bool { true }

    package var measure: ChangeMeasure { .nothing }

    /// With fewer the median is the mean, and nothing is trimmed.
    package var minimumUpdates: Int {
        switch kind {
        case .median: 3
        case .trimmedMean(0): 1
        // The least n with ⌊βn⌋ of 1, up to the rounding that the rule tolerates; no round has enough for the tiniest β.
        case .trimmedMean(let share): max(3, Int(exactly: ((1 - 1e-9) / share).rounded(.up)) ?? .max)
        }
    }

    package func verdict(weights: [Double], changes: InnerProducts?) -> RobustVerdict {
        let rule =
            switch kind {
            case .median: CoordinateRule.median
            case .trimmedMean(let share): CoordinateRule.trimmedMean(share)
            }
        return .coordinates(rule, members: Array(weights.indices))
    }
}
