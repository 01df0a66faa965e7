package import Adapters
package import Aggregation

/// Takes an asynchronous step from the store, where updates are read in place.
///
/// The updates come in the order of ``AsynchronousBuffer/Step/entries``: which updates are in a step depends on when they
/// came, what the step makes of them does not.
package enum AsynchronousCombination {
    /// What a step leaves.
    package struct Outcome: Sendable {
        package let adapter: LoRAAdapter
        package let counted: [BufferedUpdate]
        /// Updates that could not be counted, though they were accepted: their payload, or what was handed out for it, is
        /// damaged.
        package let excluded: [(client: ClientID, reason: String)]
    }

    /// Combines a buffer into the next global adapter.
    ///
    /// - Parameters:
    ///   - updates: The accepted updates, in the order of the step.
    ///   - global: The current global adapter.
    ///   - version: Its version, against which the age of each update is measured.
    ///   - aggregation: What a job of this strategy checks updates by.
    ///   - arithmetic: How changes of different age are added.
    ///   - seed: The job's seed.
    ///   - store: Where the payloads are.
    /// - Returns: The next global adapter, and who could not be counted.
    /// - Throws: ``RoundAggregation/Failure`` when there is no result; errors of the storage as they are.
    @concurrent
    package static func combine(
        _ updates: [BufferedUpdate],
        from global: LoRAAdapter,
        version: Int,
        by aggregation: CohortAggregation,
        _ arithmetic: BufferedAggregation,
        seed: UInt64,
        in store: any RunStore
    ) async throws -> Outcome {
        let round = RoundContext(number: version + 1, seed: seed)
        let scope = aggregation.strategy.scope(inRound: round.number)
        var handed: [AdapterReference: LoRAAdapter] = [:]
        var changes: [AsynchronousAggregation.Change] = []
        var counted: [BufferedUpdate] = []
        var excluded: [(client: ClientID, reason: String)] = []
        for update in updates {
            try Task.checkCancellation()
            let offer = update.offer
            do {
                let start = try await handed.value(of: update.task.adapter, in: store)
                let change = ClientUpdate(
                    client: offer.client,
                    weight: Double(offer.exampleCount),
                    adapter: try await store.update(offer.adapter, scope: scope, handed: start),
                    handed: start
                )
                try aggregation.check(change, against: global, round: round)
                changes.append(.init(update: change, staleness: version - update.task.version))
                counted.append(update)
            } catch let error as StoredAdapterError {
                excluded.append((offer.client, error.description))
            } catch let error as AggregationError {
                excluded.append((offer.client, error.description))
            }
        }
        let next: LoRAAdapter
        do {
            let step = AsynchronousAggregation(
                strategy: aggregation.strategy,
                aggregation: arithmetic,
                route: aggregation.route
            )
            next = try step.nextGlobal(from: global, changes: changes, round: round)
        } catch {
            let reasons = excluded.map { " '\($0.client)': \($0.reason)" }.joined()
            throw RoundAggregation.Failure(reason: error.description + reasons)
        }
        try RoundAggregation.checkThatClientsTake(next)
        return Outcome(adapter: next, counted: counted, excluded: excluded)
    }
}

extension [AdapterReference: LoRAAdapter] {
    /// Returns an adapter, read at most once.
    fileprivate mutating func value(of reference: AdapterReference, in store: any RunStore) async throws -> LoRAAdapter
    {
        if let known = self[reference] { return known }
        let adapter = try await store.adapter(reference)
        self[reference] = adapter
        return adapter
    }
}
