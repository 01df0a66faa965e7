package import Adapters

/// One aggregation from the first update to the next global adapter.
///
/// The order is the rounds' own, that of the clients' names, so adapters that are combined offline give the same bits as
/// they did in a round.
package struct CohortAggregation: Sendable {
    package let strategy: any AggregationStrategy

    /// Creates an aggregation that uses `strategy`.
    package init(strategy: any AggregationStrategy) {
        self.strategy = strategy
    }

    /// Returns the next global adapter, from updates that are fetched one at a time.
    ///
    /// Updates are combined in the order of their clients' names, whatever the order of `clients`. Each is let go before
    /// the next is fetched, unless the strategy needs to keep it.
    ///
    /// - Parameters:
    ///   - global: What the clients started from.
    ///   - clients: Whose updates to combine.
    ///   - update: Fetches one client's update, for instance from disk.
    /// - Returns: The next global adapter.
    /// - Throws: What `update` throws, and the ``AggregationError`` of the first update that does not fit. Nothing is
    ///   combined then: a cohort is aggregated as a whole or not at all.
    package func nextGlobal(
        from global: LoRAAdapter,
        clients: some Sequence<ClientID>,
        update: (ClientID) throws -> ClientUpdate
    ) throws -> LoRAAdapter {
        try Self.run(strategy, from: global, clients: clients.sorted(), update: update)
    }

    /// Returns the next global adapter, from updates that are at hand.
    ///
    /// - Parameters:
    ///   - global: What the clients started from.
    ///   - updates: In any order; they are combined in the order of their clients' names.
    /// - Returns: The next global adapter.
    /// - Throws: The ``AggregationError`` of the first update that does not fit.
    package func nextGlobal(
        from global: LoRAAdapter,
        updates: some Sequence<ClientUpdate>
    ) throws(AggregationError) -> LoRAAdapter {
        try Self.run(strategy, from: global, updates: updates.sorted { $0.client < $1.client })
    }

    private static func run<Strategy: AggregationStrategy>(
        _ strategy: Strategy,
        from global: LoRAAdapter,
        clients: [ClientID],
        update: (ClientID) throws -> ClientUpdate
    ) throws -> LoRAAdapter {
        var state = strategy.initialState(for: global)
        for client in clients {
            try strategy.accumulate(update(client), into: &state)
        }
        return try strategy.finish(&state)
    }

    private static func run<Strategy: AggregationStrategy>(
        _ strategy: Strategy,
        from global: LoRAAdapter,
        updates: [ClientUpdate]
    ) throws(AggregationError) -> LoRAAdapter {
        var state = strategy.initialState(for: global)
        for update in updates {
            try strategy.accumulate(update, into: &state)
        }
        return try strategy.finish(&state)
    }
}
