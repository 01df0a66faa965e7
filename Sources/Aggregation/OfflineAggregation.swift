package import Adapters

/// Combines PEFT directories without a federation, by the strategies that rounds use.
///
/// Every adapter is read twice and held one at a time where the strategy allows it: first for its shape, from which the
/// result's follows, then for its values.
package struct OfflineAggregation {
    /// An adapter to combine.
    package struct Contribution {
        /// What messages call it.
        package let client: ClientID
        /// How much it counts: finite and at least 0.
        package let weight: Double
        /// Reads it; the same every time.
        package let read: () throws -> PEFTDirectory

        package init(client: ClientID, weight: Double, read: @escaping () throws -> PEFTDirectory) {
            self.client = client
            self.weight = weight
            self.read = read
        }
    }

    private let strategy: any AggregationStrategy
    private let contributions: [Contribution]
    private let alpha: Double?

    /// Creates an aggregation.
    ///
    /// - Parameters:
    ///   - strategy: How to combine.
    ///   - contributions: What to combine, in any order; no two of the same name.
    ///   - alpha: α of the result; by default that of the adapter of the largest rank.
    package init(strategy: any AggregationStrategy, contributions: [Contribution], alpha: Double? = nil) {
        self.strategy = strategy
        self.contributions = contributions.sorted { $0.client < $1.client }
        self.alpha = alpha
    }

    /// Returns the combined adapter, once for each rank.
    ///
    /// - Parameters:
    ///   - ranks: The ranks to hand out; none for the largest rank of the contributions.
    ///   - global: What the contributions were trained from, for strategies that combine what changed.
    /// - Returns: A directory for each of `ranks`, in their order, or one.
    /// - Throws: ``AggregationError`` or `AdapterError` that names the contribution which does not fit.
    package func results(atRanks ranks: [Int], global: PEFTDirectory? = nil) throws -> [PEFTDirectory] {
        let outline = try Outline(of: contributions, minimumRank: ranks.max() ?? 1, alpha: alpha)
        var start = outline.blank
        if let global {
            try outline.check(global: global)
            start = global.adapter.reshaped(toFit: start)
        }
        let updates = try contributions.map { contribution in
            ClientUpdate(
                client: contribution.client,
                weight: contribution.weight,
                adapter: try contribution.read().adapter
            )
        }
        let next = try CohortAggregation(strategy: strategy).nextGlobal(from: start, updates: updates)
        guard !ranks.isEmpty else {
            let largest = outline.largestRank
            let result = next.maximumRank > largest ? try strategy.adapter(forRank: largest, from: next) : next
            return [try outline.directory(of: result)]
        }
        return try ranks.map { rank in try outline.directory(of: strategy.adapter(forRank: rank, from: next)) }
    }
}
