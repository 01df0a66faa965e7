package import Adapters

/// Combines the updates of one cohort into the next global adapter, and hands clients theirs.
///
/// The server half of a round calls ``initialState(for:)`` once a round, ``accumulate(_:into:)`` once an update in
/// sorted client order, and ``finish(_:)`` once; ``adapter(forRank:from:)`` is called for every distinct rank of the
/// next cohort. Strategies are values without I/O: the same updates in the same order give the same bits.
package protocol AggregationStrategy: Sendable {
    /// Everything carried from one update to the next; saved in checkpoints.
    associatedtype State: Sendable, Codable

    /// Returns the state before the first update of a round whose clients started from `global`.
    func initialState(for global: LoRAAdapter) -> State

    /// Adds one update.
    ///
    /// An update of weight 0 is checked like any other and changes nothing.
    ///
    /// - Throws: An ``AggregationError`` that names the client and the tensor when the update does not fit; `state` is
    ///   then unchanged.
    func accumulate(_ update: consuming ClientUpdate, into state: inout State) throws(AggregationError)

    /// Returns the next global adapter.
    ///
    /// - Throws: ``AggregationError`` when no update with a positive weight was accumulated, or a factorization fails.
    func finish(_ state: inout State) throws(AggregationError) -> LoRAAdapter

    /// Returns what a client that trains at `rank` starts from, given the global adapter.
    ///
    /// - Throws: ``AggregationError/invalidRank(_:offered:)`` when the strategy does not hand out that rank.
    func adapter(forRank rank: Int, from global: LoRAAdapter) throws(AggregationError) -> LoRAAdapter
}

extension AggregationStrategy {
    /// Checks whether `update` could be combined with others that started from `global`.
    ///
    /// The coordinator asks this when an update arrives, so that its client is told at once. It is a rehearsal with the
    /// strategy's own rules: nothing else decides what fits.
    package func check(_ update: ClientUpdate, against global: LoRAAdapter) throws(AggregationError) {
        var state = initialState(for: global)
        try accumulate(update, into: &state)
    }
}
