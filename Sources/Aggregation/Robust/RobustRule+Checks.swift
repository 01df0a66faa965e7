extension RobustRule {
    /// Checks that the rule goes with a strategy.
    ///
    /// - Throws: ``AggregationError/unsuitableSetting(key:problem:remedy:)`` with the reason.
    package func check(goesWith profile: StrategyProfile) throws(AggregationError) {
        guard !weighsClients || profile.usesWeights else {
            throw .unsuitableSetting(
                key: "robust.rule",
                problem: "is '\(name)', which weighs clients, and \(profile.name) has weights of its own",
                remedy: "Use krum, multi-krum or norm-bound, or another strategy."
            )
        }
        guard combinesCoordinates else { return }
        let reason: String? =
            if profile.averages == .products {
                "it only looks at products, whose factors have no coordinates in common"
            } else if profile.ranks == .mixed {
                "its clients have different ranks, so some have no values to compare"
            } else if profile.needsIndividualUpdates {
                "it does more with each client's factors than averaging them"
            } else {
                nil
            }
        guard let reason else { return }
        throw .unsuitableSetting(
            key: "robust.rule",
            problem: "is '\(name)', which combines coordinates, and does not go with \(profile.name): \(reason)",
            remedy: "Use krum, multi-krum, geometric-median or norm-bound, or a strategy such as fedavg."
        )
    }

    /// Checks that rounds can have as many updates as the rule needs.
    ///
    /// - Parameter minimum: How many updates a round has at least.
    /// - Throws: ``AggregationError/unsuitableSetting(key:problem:remedy:)`` with the number that is needed.
    package func check(minimumOfCohort minimum: Int) throws(AggregationError) {
        guard minimum < minimumUpdates else { return }
        throw .unsuitableSetting(
            key: "cohort.minimum",
            problem: "is \(minimum), and \(name) needs \(minimumUpdates) updates for what it promises",
            remedy: "Write `minimum: \(minimumUpdates)` or more, or change `robust` so that it needs fewer."
        )
    }

    /// Returns what the rule decides about a cohort of any size.
    ///
    /// - Throws: ``AggregationError/tooFewUpdates(rule:needed:found:)``.
    func judge(_ cohort: CountedCohort, by measurement: ChangeMeasurement) throws(AggregationError) -> CountedCohort {
        let count = cohort.members.count
        guard count >= minimumUpdates else {
            throw .tooFewUpdates(rule: name, needed: minimumUpdates, found: count)
        }
        let changes = measurement.measure(measure)
        return cohort.judged(by: verdict(weights: cohort.members.map(\.weight), changes: changes))
    }
}
