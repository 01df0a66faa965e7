package import Adapters
import LinearAlgebra

/// One aggregation, from the updates of a cohort to the next global adapter.
///
/// What does not depend on the strategy is done here: updates are checked and put in the order of their clients' names,
/// weights become shares of 1, layers are spread over threads, saved tensors are averaged, and what strategies fold into
/// the base model is added up. Adapters that are combined offline give the same bits as they did in a round.
///
/// Updates are read where they lie, a layer at a time: memory grows with the adapter and not with the cohort.
package struct CohortAggregation: Sendable {
    package let strategy: any AggregationStrategy
    private let threads: Int

    /// Creates an aggregation that uses `strategy`.
    ///
    /// - Parameters:
    ///   - strategy: How to combine.
    ///   - threads: How many threads to use; the result does not depend on it.
    package init(strategy: any AggregationStrategy, threads: Int = Concurrency.processorCount) {
        self.strategy = strategy
        self.threads = threads
    }

    /// Checks whether `update` could be combined with others that started from `global`, every value included.
    ///
    /// - Throws: An ``AggregationError`` that names the client and the tensor.
    package func check(
        _ update: ClientUpdate,
        against global: LoRAAdapter,
        round: RoundContext
    ) throws(AggregationError) {
        let requirements = requirements(global: global, round: round)
        try requirements.check(update)
        try requirements.checkValues(of: update)
    }

    /// Returns the next global adapter.
    ///
    /// - Parameters:
    ///   - global: What the clients started from.
    ///   - updates: In any order; they are combined in the order of their clients' names.
    ///   - round: Which round it is.
    /// - Returns: The next global adapter.
    /// - Throws: The ``AggregationError`` of the first update that does not fit: a cohort is combined as a whole or not
    ///   at all. ``AggregationError/nothingToAggregate`` when no update has a positive weight.
    package func nextGlobal(
        from global: LoRAAdapter,
        updates: some Sequence<ClientUpdate>,
        round: RoundContext = .first
    ) throws(AggregationError) -> LoRAAdapter {
        let updates = updates.sorted { $0.client < $1.client }
        let requirements = requirements(global: global, round: round)
        for update in updates {
            try requirements.check(update)
            // What is not averaged below is not read again.
            if update.weight == 0 || strategy.profile.savedTensors == .local {
                try requirements.checkValues(of: update)
            }
        }
        let total = updates.reduce(0) { $0 + $1.weight }
        guard total > 0, total.isFinite else { throw .nothingToAggregate }
        let cohort = updates.filter { $0.weight > 0 }
        let weights = cohort.map { $0.weight / total }
        var next = global
        try combineLayers(of: cohort, weights: weights, round: round, into: &next)
        if strategy.profile.savedTensors == .averaged {
            try averageSavedTensors(of: cohort, weights: weights, into: &next)
        }
        return next
    }

    private func requirements(global: LoRAAdapter, round: RoundContext) -> UpdateRequirements {
        UpdateRequirements(
            global: global,
            ranks: strategy.profile.ranks,
            trained: strategy.trainedFactors(inRound: round.number)
        )
    }

    private func combineLayers(
        of cohort: [ClientUpdate],
        weights: [Double],
        round: RoundContext,
        into next: inout LoRAAdapter
    ) throws(AggregationError) {
        let global = next
        let paths = global.modules.keys.sorted()
        // Layers share the threads; a lone layer has them all.
        let threadsPerLayer = paths.count < threads ? threads : 1
        let layers = try Concurrency.map(paths.count, threads: threads) { index throws(AggregationError) in
            let path = paths[index]
            guard let module = global.modules[path] else { preconditionFailure("'\(path)' is one of the adapter's") }
            var updates: [LayerUpdate] = []
            for (update, weight) in zip(cohort, weights) {
                guard let own = update.adapter.modules[path] else { continue }
                updates.append(
                    LayerUpdate(
                        client: update.client,
                        weight: weight,
                        module: own,
                        handed: update.handed?.modules[path]
                    )
                )
            }
            let combined = try strategy.combine(
                LayerUpdates(path: path, round: round, global: module, updates: updates, threads: threadsPerLayer)
            )
            guard combined.module.isFinite else {
                throw AggregationError.factorizationFailed(module: path, reason: LoRAModule.overflow)
            }
            let residual = try combined.residual.flatMap { increment throws(AggregationError) in
                try global.residual[path].adding(increment, at: path)
            }
            return (module: combined.module, residual: residual)
        }
        for (path, layer) in zip(paths, layers) {
            next.modules[path] = layer.module
            if let residual = layer.residual { next.residual[path] = residual }
        }
    }

    private func averageSavedTensors(
        of cohort: [ClientUpdate],
        weights: [Double],
        into next: inout LoRAAdapter
    ) throws(AggregationError) {
        for path in next.savedTensors.keys.sorted() {
            let tensors = cohort.compactMap { $0.adapter.savedTensors[path]?.elements }
            let (mean, reports) = weightedSum(of: tensors, coefficients: weights, threads: threads)
            for (update, report) in zip(cohort, reports) where !report.isFinite {
                throw .notFinite(client: update.client, tensor: path)
            }
            next.savedTensors[path]?.elements = mean.elements
        }
    }
}

extension LoRAModule? {
    /// Returns what is folded into a layer after one more correction, at a scale of 1, or `nil` where that is nothing.
    ///
    /// Corrections are stacked, which costs nothing and loses nothing, until they are as wide as the layer.
    fileprivate func adding(_ increment: FactoredSum, at path: String) throws(AggregationError) -> LoRAModule? {
        var sum = FactoredSum(rows: increment.rows, columns: increment.columns)
        if let earlier = self { sum.add(earlier.b, earlier.a, coefficient: earlier.scaling) }
        sum.add(increment)
        let (b, a) = sum.stacked()
        guard a.rows > 0 else { return nil }
        let module = LoRAModule(a: a, b: b, alpha: Double(a.rows))
        guard module.isFinite else { throw .factorizationFailed(module: path, reason: LoRAModule.overflow) }
        return module
    }
}

extension LoRAModule {
    /// What is wrong when factors that were finite add up to one that is not.
    fileprivate static let overflow = "Its product does not fit in 32-bit floats."

    fileprivate var isFinite: Bool { a.isFinite && b.isFinite && core?.isFinite ?? true }
}
