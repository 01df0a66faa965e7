package import Adapters
package import Aggregation

/// Combines the updates of a round from the store, one adapter at a time, in sorted client order.
///
/// Memory does not grow with the cohort, and the same updates always give the same bits: the order in which they came
/// has no influence.
package enum RoundAggregation {
    /// What a combination leaves.
    package struct Outcome: Sendable {
        package let adapter: LoRAAdapter
        /// Updates that could not be counted, though they were accepted: their payload is damaged, or the strategy
        /// cannot use them.
        package let excluded: [(client: ClientID, reason: String)]
    }

    /// Why a round has no result; the reason is a sentence for people.
    package struct Failure: Error {
        package let reason: String
    }

    /// Combines `updates` into the next global adapter.
    ///
    /// - Parameters:
    ///   - updates: The accepted updates, in any order.
    ///   - global: What the cohort's adapters were made from.
    ///   - strategy: How to combine them.
    ///   - minimum: How many updates have to be countable.
    ///   - store: Where their payloads are.
    /// - Returns: The next global adapter, and who could not be counted.
    /// - Throws: ``Failure`` when there is no result; errors of the storage as they are.
    @concurrent
    package static func combine<Strategy: AggregationStrategy>(
        _ updates: [UpdateOffer],
        from global: LoRAAdapter,
        by strategy: Strategy,
        minimum: Int,
        in store: any RunStore
    ) async throws -> Outcome {
        var state = strategy.initialState(for: global)
        var excluded: [(client: ClientID, reason: String)] = []
        for offer in updates.sorted(by: { $0.client < $1.client }) {
            try Task.checkCancellation()
            do {
                let adapter = try await store.adapter(offer.adapter)
                let update = ClientUpdate(client: offer.client, weight: Double(offer.exampleCount), adapter: adapter)
                try strategy.accumulate(update, into: &state)
            } catch let error as StoredAdapterError {
                excluded.append((offer.client, error.description))
            } catch let error as AggregationError {
                excluded.append((offer.client, error.description))
            }
        }
        let reasons = excluded.map { "'\($0.client)': \($0.reason)" }.joined(separator: " ")
        guard updates.count - excluded.count >= minimum else {
            throw Failure(reason: "Only \(updates.count - excluded.count) updates could be counted. \(reasons)")
        }
        do {
            return Outcome(adapter: try strategy.finish(&state), excluded: excluded)
        } catch {
            throw Failure(reason: error.description)
        }
    }

    /// Makes the adapters that clients of these ranks start from.
    @concurrent
    package static func adapters<Strategy: AggregationStrategy>(
        forRanks ranks: Set<Int>,
        from global: LoRAAdapter,
        by strategy: Strategy,
        keptIn store: any RunStore
    ) async throws -> [Int: AdapterReference] {
        var references: [Int: AdapterReference] = [:]
        for rank in ranks.sorted() {
            references[rank] = try await store.keep(try strategy.adapter(forRank: rank, from: global))
        }
        return references
    }
}
