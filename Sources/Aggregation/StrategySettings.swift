package import LinearAlgebra

/// What a job says about its strategy, as in its `strategy`.
package struct StrategySettings: Sendable, Hashable, Codable {
    /// `strategy.name`.
    package var name: String
    /// `strategy.mode`: what is averaged; `nil` for the strategy's default.
    package var mode: AggregationMode?
    /// `strategy.lambda`: the penalty of LoRA-FAIR's correction, or of HetLoRA's pruning.
    package var lambda: Double?
    /// `strategy.gamma`: the share of its rank that a client of HetLoRA always keeps; 1 turns pruning off.
    package var gamma: Double?
    /// `strategy.minimum_rank`: the rank that pruning never goes below.
    package var minimumRank: Int?
    /// `strategy.route`: how products are truncated; `nil` to choose by their size.
    package var route: FactoredSum.Route?

    /// Creates settings.
    package init(
        name: String,
        mode: AggregationMode? = nil,
        lambda: Double? = nil,
        gamma: Double? = nil,
        minimumRank: Int? = nil,
        route: FactoredSum.Route? = nil
    ) {
        self.name = name
        self.mode = mode
        self.lambda = lambda
        self.gamma = gamma
        self.minimumRank = minimumRank
        self.route = route
    }

    private enum CodingKeys: String, CodingKey {
        case name, mode, lambda, gamma, route
        case minimumRank = "minimum_rank"
    }
}
