package import Adapters
package import Foundation
package import LinearAlgebra

/// Combines PEFT directories without a federation, by the strategies that rounds use.
///
/// Every adapter is opened twice: first for its shape, from which the result's follows, then for its values, which are
/// read where they lie, a layer at a time.
///
/// DoRA's magnitudes and heads are saved tensors, and averaged by weight like all of them. So is everything of other
/// kinds of adapters than LoRA, by the strategies that need no factors.
package struct OfflineAggregation {
    /// An adapter to combine.
    package struct Contribution {
        /// What messages call it.
        package let client: ClientID
        /// How much it counts: finite and at least 0.
        package let weight: Double
        /// Reads it; the same every time.
        package let read: () throws -> PEFTDirectory
        /// Opens its adapter, whose elements may stay in a file.
        let open: () throws -> StoredAdapter

        /// Creates a contribution that is read into memory.
        package init(client: ClientID, weight: Double, read: @escaping () throws -> PEFTDirectory) {
            self.client = client
            self.weight = weight
            self.read = read
            self.open = { StoredAdapter(try read().adapter) }
        }

        /// Creates a contribution from the directory at `url`, whose tensors are mapped.
        package init(client: ClientID, weight: Double, directory url: URL) {
            self.client = client
            self.weight = weight
            self.read = { try PEFTDirectory(reading: url, kinds: Set(AdapterKind.allCases)) }
            self.open = { try PEFTDirectory.adapter(at: url, kinds: Set(AdapterKind.allCases)) }
        }
    }

    /// What came of it.
    package struct Outcome {
        /// The combined adapter, once for each rank that was asked for.
        package let adapters: [PEFTDirectory]
        /// What belongs into the base model, for strategies that correct it; as an adapter that is merged or loaded
        /// beside the others.
        package let residual: PEFTDirectory?
    }

    /// By which route to truncate products; `nil` to choose by their size.
    package var route: FactoredSum.Route?
    /// Told of each layer whose product was truncated, by its path; several may be told at once.
    package var observeTruncation: @Sendable (String, TruncationReport) -> Void = { _, _ in }
    private let strategy: any AggregationStrategy
    private let contributions: [Contribution]
    private let alpha: Double?
    private let robustRule: (any RobustRule)?
    private let optimizer: ServerOptimizer?

    /// Creates an aggregation.
    ///
    /// - Parameters:
    ///   - strategy: How to combine. Where cores are trained, PEFT's files hold B·R for B; its mean by a common A is the
    ///     mean of the cores, so it is taken as ``FFALoRA`` takes B.
    ///   - contributions: What to combine, in any order; no two of the same name.
    ///   - alpha: α of the result; by default that of the adapter of the largest rank.
    ///   - robustRule: What to do about wrong contributions; `nil` to trust all.
    ///   - optimizer: How to step from the global adapter, as in a first round; `nil` to take what was combined.
    package init(
        strategy: any AggregationStrategy,
        contributions: [Contribution],
        alpha: Double? = nil,
        robustRule: (any RobustRule)? = nil,
        optimizer: ServerOptimizer? = nil
    ) {
        self.strategy = strategy.trainedFactors(inRound: 1).includesCore ? FFALoRA() : strategy
        self.contributions = contributions.sorted { $0.client < $1.client }
        self.alpha = alpha
        self.robustRule = robustRule
        self.optimizer = optimizer
    }

    /// Combines the adapters.
    ///
    /// Factors that the strategy keeps frozen have to be the same everywhere; where it alternates between them, the ones
    /// that are the same say which round this is. Heads are averaged by every strategy. A strategy that moves everything
    /// into the base model has one result, what it moved.
    ///
    /// - Parameters:
    ///   - ranks: The ranks to hand out; none for the largest rank of the contributions.
    ///   - global: What the contributions were trained from, for strategies that combine what changed.
    /// - Returns: A directory for each of `ranks`, in their order, or one, and what belongs into the base model.
    /// - Throws: ``AggregationError`` or `AdapterError` that names the contribution which does not fit.
    package func outcome(atRanks ranks: [Int], global: PEFTDirectory? = nil) throws -> Outcome {
        try checkStages(hasGlobal: global != nil)
        let outline = try Outline(
            of: contributions,
            strategy: strategy,
            minimumRank: ranks.max() ?? 1,
            alpha: alpha
        )
        guard !outline.blank.modules.isEmpty || ranks.isEmpty else {
            throw AggregationError.unsuitableSetting(
                key: "rank",
                problem: "means nothing to adapters without low-rank factors",
                remedy: "Leave it out."
            )
        }
        var start = outline.blank
        if let global {
            try outline.check(global: global)
            start = global.adapter.reshaped(toFit: start)
        }
        let updates = try contributions.map { contribution in
            ClientUpdate(
                client: contribution.client,
                weight: contribution.weight,
                adapter: try contribution.open()
            )
        }
        var aggregation = CohortAggregation(strategy: strategy, robustRule: robustRule, optimizer: optimizer)
        aggregation.route = route
        aggregation.observeTruncation = observeTruncation
        var next = try aggregation.nextGlobal(from: start, updates: updates, round: outline.round)
        if strategy.profile.savedTensors == .local { next.averageSavedTensors(of: updates) }
        next.takeFrozenTensors(of: outline)
        let residual = next.residual.isEmpty ? nil : LoRAAdapter(modules: next.residual)
        if let residual, strategy.profile.rebasesFactors {
            let whole = LoRAAdapter(modules: residual.modules, savedTensors: next.savedTensors)
            let offered = whole.maximumRank...whole.maximumRank
            if let rank = ranks.first(where: { !offered.contains($0) }) {
                throw AggregationError.invalidRank(rank, offered: offered)
            }
            let directory = try outline.directory(of: whole)
            return Outcome(adapters: ranks.isEmpty ? [directory] : ranks.map { _ in directory }, residual: nil)
        }
        let adapters =
            if ranks.isEmpty {
                [next.maximumRank > outline.largestRank ? try cut(next, to: outline.largestRank) : next]
            } else {
                try ranks.map { try cut(next, to: $0) }
            }
        var correction = try residual.map { try outline.directory(of: $0) }
        // Heads are the adapter's.
        correction?.configuration.modulesToSave = []
        return Outcome(adapters: try adapters.map { try outline.directory(of: $0) }, residual: correction)
    }

    private func checkStages(hasGlobal: Bool) throws(AggregationError) {
        try robustRule?.check(goesWith: strategy.profile)
        guard let optimizer else { return }
        try optimizer.check(goesWith: strategy.profile)
        guard hasGlobal else {
            throw .unsuitableSetting(
                key: "server_optimizer.name",
                problem: "is '\(optimizer.name)', and there is no global adapter to step from",
                remedy: "Give the adapter that the others were trained from."
            )
        }
    }

    private func cut(_ adapter: LoRAAdapter, to rank: Int) throws(AggregationError) -> LoRAAdapter {
        try strategy.adapter(forRank: rank, from: adapter)
    }
}

extension LoRAAdapter {
    /// Replaces tensors that nobody trains by what they were, bit by bit.
    fileprivate mutating func takeFrozenTensors(of outline: OfflineAggregation.Outline) {
        savedTensors.merge(outline.frozen) { _, frozen in frozen }
    }

    /// Replaces the saved tensors by the means of those that were handed in, whose values were checked.
    fileprivate mutating func averageSavedTensors(of updates: [ClientUpdate]) {
        let counted = updates.filter { $0.weight > 0 }
        let total = counted.reduce(0) { $0 + $1.weight }
        for path in savedTensors.keys {
            let tensors = counted.compactMap { $0.adapter.savedTensors[path]?.elements }
            let mean = weightedSum(of: tensors, coefficients: counted.map { $0.weight / total }).sum
            savedTensors[path]?.elements = mean.elements
        }
    }
}
