package import Adapters

/// Combines the updates of one cohort into the next global adapter, and hands clients theirs.
///
/// A strategy is a pure function of one layer at a time: the same updates give the same bits. What surrounds it —
/// checking updates, their order and weights, saved tensors, threads — is ``CohortAggregation``'s, the same for all.
package protocol AggregationStrategy: Sendable {
    /// What the strategy needs and promises.
    var profile: StrategyProfile { get }

    /// Which factors clients train in a round; rounds count from 1.
    func trainedFactors(inRound round: Int) -> TrainedFactors

    /// Which factors clients send in a round: by default those that they train.
    func sentFactors(inRound round: Int) -> TrainedFactors

    /// How clients may lower their rank by themselves; `nil` when it stays as handed out.
    var pruning: RankPruning? { get }

    /// Prepares the adapter that a job starts from; by default it is left as it is.
    func start(from initial: LoRAAdapter, seed: UInt64) throws(AggregationError) -> LoRAAdapter

    /// Returns the next state of a layer.
    ///
    /// - Throws: An ``AggregationError`` that names the client and the tensor when a value cannot be used, or the layer
    ///   when a factorization fails.
    func combine(_ layer: LayerUpdates) throws(AggregationError) -> CombinedLayer

    /// Returns what a client that trains at `rank` starts from, given the global adapter.
    ///
    /// - Throws: ``AggregationError/invalidRank(_:offered:)`` when the strategy does not hand out that rank.
    func adapter(forRank rank: Int, from global: LoRAAdapter) throws(AggregationError) -> LoRAAdapter
}

extension AggregationStrategy {
    package func trainedFactors(inRound round: Int) -> TrainedFactors { .both }

    package var pruning: RankPruning? { nil }

    package func sentFactors(inRound round: Int) -> TrainedFactors { trainedFactors(inRound: round) }

    /// What clients train in a round, and what of it they send.
    package func scope(inRound round: Int) -> UpdateScope {
        UpdateScope(
            trained: trainedFactors(inRound: round),
            sent: sentFactors(inRound: round),
            sendsSavedTensors: profile.savedTensors == .averaged
        )
    }

    package func start(from initial: LoRAAdapter, seed: UInt64) throws(AggregationError) -> LoRAAdapter { initial }

    /// Cuts the global adapter to its first components, or insists on its rank where ranks have to be equal.
    package func adapter(forRank rank: Int, from global: LoRAAdapter) throws(AggregationError) -> LoRAAdapter {
        let largest = max(global.maximumRank, 1)
        let offered = profile.ranks == .equal ? largest...largest : 1...largest
        guard offered ~= rank else { throw .invalidRank(rank, offered: offered) }
        return global.truncated(toRank: rank)
    }
}
