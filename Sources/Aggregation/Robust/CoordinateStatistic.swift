/// Replaces the mean of the factors by the median or a trimmed mean, coordinate by coordinate.
///
/// Yin et al., "Byzantine-robust distributed learning: towards optimal statistical rates", ICML 2018, arXiv:1803.01498.
/// The median holds while less than half of the clients are wrong, the trimmed mean while less than the share β is. The
/// values are those of the factors, so all clients need the rank of the global adapter and a strategy that averages
/// factors: another basis of the same product is another set of coordinates.
package struct CoordinateStatistic: RobustRule, Equatable {
    package let rule: CoordinateRule

    /// Creates the rule.
    package init(_ rule: CoordinateRule) {
        self.rule = rule
    }

    package var measure: ChangeMeasure { .nothing }

    package var minimumUpdates: Int { 1 }

    package func verdict(weights: [Double], changes: InnerProducts?) -> RobustVerdict {
        .coordinates(rule, members: Array(weights.indices))
    }
}
