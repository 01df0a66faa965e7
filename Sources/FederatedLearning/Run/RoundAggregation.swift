package import Adapters
package import Aggregation
import DifferentialPrivacy

/// Combines the updates of a round from the store, where they are read in place, in sorted client order.
///
/// Memory grows with the cohort only where ``CohortAggregation`` says so, and the same updates always give the same bits: the
/// order in which they came has no influence.
package enum RoundAggregation {
    /// What a combination leaves.
    package struct Outcome: Sendable {
        package let adapter: LoRAAdapter
        /// What the server's optimizer carries on; `nil` where there is none.
        package let moments: ServerMoments?
        /// Updates that could not be counted, though they were accepted: their payload is damaged, or the strategy
        /// cannot use them.
        package let excluded: [(client: ClientID, reason: String)]
        /// To what the next round's updates are clipped; `nil` where that does not follow the updates.
        package let clippingNorm: Double?
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
    ///   - aggregation: How to combine them.
    ///   - round: Which round it is.
    ///   - scope: What the updates carry; by default what the strategy says.
    ///   - moments: What the server's optimizer carries on from the round before.
    ///   - minimum: How many updates have to be countable.
    ///   - privacy: How their sum is noised; `nil` where the server adds no noise.
    ///   - store: Where their payloads are.
    /// - Returns: The next global adapter, and who could not be counted.
    /// - Throws: ``Failure`` when there is no result; errors of the storage as they are.
    @concurrent
    package static func combine(
        _ updates: [UpdateOffer],
        from global: LoRAAdapter,
        by aggregation: CohortAggregation,
        round: RoundContext,
        scope: UpdateScope? = nil,
        moments: ServerMoments? = nil,
        minimum: Int,
        privacy: CentralPrivacy? = nil,
        in store: any RunStore
    ) async throws -> Outcome {
        let strategy = aggregation.strategy
        let scope = scope ?? strategy.scope(inRound: round.number)
        var handed: [Int: LoRAAdapter] = [:]
        var countable: [ClientUpdate] = []
        var excluded: [(client: ClientID, reason: String)] = []
        for offer in updates.sorted(by: { $0.client < $1.client }) {
            try Task.checkCancellation()
            do {
                let rank = offer.adapter.rank
                let start = try handed[rank] ?? strategy.adapter(forRank: rank, from: global)
                handed[rank] = start
                let update = ClientUpdate(
                    client: offer.client,
                    weight: Double(offer.exampleCount),
                    adapter: try await store.update(offer.adapter, scope: scope, handed: start)
                )
                try aggregation.check(update, against: global, round: round)
                countable.append(update)
            } catch let error as StoredAdapterError {
                excluded.append((offer.client, error.description))
            } catch let error as AggregationError {
                excluded.append((offer.client, error.description))
            }
        }
        let reasons = excluded.map { "'\($0.client)': \($0.reason)" }.joined(separator: " ")
        guard countable.count >= minimum else {
            throw Failure(reason: "Only \(countable.count) updates could be counted. \(reasons)")
        }
        do {
            var moments = moments
            let release = try await privacy?.release(countable, from: global)
            if let release { countable = [release.update] }
            let next = try aggregation.nextGlobal(from: global, updates: countable, round: round, moments: &moments)
            try checkThatClientsTake(next)
            return Outcome(
                adapter: next,
                moments: moments,
                excluded: excluded,
                clippingNorm: release?.clippingNorm
            )
        } catch let error as PrivacyError {
            throw Failure(reason: error.description)
        } catch let error as AggregationError {
            throw Failure(reason: error.description)
        }
    }

    /// Checks the next global adapter as every client does that it is handed to.
    ///
    /// Updates are within the limits, but a step from them may not be. Committed, it would be refused by every client in
    /// every later round.
    ///
    /// - Throws: ``Failure`` with what clients would say.
    static func checkThatClientsTake(_ next: LoRAAdapter) throws(Failure) {
        do {
            try AdapterRequirements(
                likeness: next,
                rank: next.maximumRank,
                scaling: next.modules.values.first?.scaling ?? 1
            ).check(next, source: "the next global adapter")
        } catch {
            throw Failure(reason: error.description)
        }
    }

    /// Makes the adapters that clients of these ranks start from.
    @concurrent
    package static func adapters(
        forRanks ranks: Set<Int>,
        from global: LoRAAdapter,
        by strategy: any AggregationStrategy,
        keptIn store: any RunStore
    ) async throws -> [Int: AdapterReference] {
        var references: [Int: AdapterReference] = [:]
        for rank in ranks.sorted() {
            references[rank] = try await store.keep(try strategy.adapter(forRank: rank, from: global))
        }
        return references
    }
}
