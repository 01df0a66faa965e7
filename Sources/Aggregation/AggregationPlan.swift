package import LinearAlgebra

/// How a job combines: a strategy, and perhaps a robust rule before it and a server optimizer after it, which go together.
package struct AggregationPlan: Sendable {
    package let strategy: any AggregationStrategy
    package let robustRule: (any RobustRule)?
    package let optimizer: ServerOptimizer?
    /// By which route to truncate products; `nil` to choose by their size.
    package let route: FactoredSum.Route?

    /// Creates a plan from what a job file says.
    ///
    /// - Parameters:
    ///   - strategy: The job's `strategy`.
    ///   - robust: The job's `robust`.
    ///   - optimizer: The job's `server_optimizer`.
    ///   - minimumUpdates: With how few updates a round may close, when that is known.
    /// - Throws: ``AggregationError`` for a name that is not known, a value out of range, or two things that do not go
    ///   together, with the reason.
    package init(
        strategy: StrategySettings,
        robust: RobustSettings = RobustSettings(),
        optimizer: ServerOptimizerSettings = ServerOptimizerSettings(),
        minimumUpdates: Int? = nil
    ) throws(AggregationError) {
        self.route = strategy.route
        self.strategy = try StrategyRegistry.strategy(strategy)
        self.robustRule = try RobustRegistry.rule(robust)
        self.optimizer = try ServerOptimizerRegistry.optimizer(optimizer)
        try robustRule?.check(goesWith: self.strategy.profile)
        try self.optimizer?.check(goesWith: self.strategy.profile)
        if let minimumUpdates { try robustRule?.check(minimumOfCohort: minimumUpdates) }
    }

    /// The plan at work.
    package var aggregation: CohortAggregation {
        var aggregation = CohortAggregation(strategy: strategy, robustRule: robustRule, optimizer: optimizer)
        aggregation.route = route
        return aggregation
    }
}
