package import Adapters
package import LinearAlgebra

/// One aggregation, from the updates of a cohort to the next global adapter.
///
/// What does not depend on the strategy is done here: updates are checked and put in the order of their clients' names,
/// weights become shares of 1, layers are spread over threads, saved tensors are averaged, and what strategies fold into
/// the base model is added up. Adapters that are combined offline give the same bits as they did in a round.
///
/// A robust rule, where there is one, decides before the strategy which clients count how much; a server optimizer takes
/// its step after it.
///
/// Updates are read where they lie, a layer at a time: memory grows with the adapter and not with the cohort. Robust rules
/// that compare n clients keep n² numbers beside, and strategies that combine differences of factors (FedEx-LoRA) keep those
/// of the layers that are worked on.
package struct CohortAggregation: Sendable {
    package let strategy: any AggregationStrategy
    package let robustRule: (any RobustRule)?
    package let optimizer: ServerOptimizer?
    /// By which route to truncate products; `nil` to choose by their size.
    package var route: FactoredSum.Route?
    /// Told of each layer whose product was truncated, by its path; several may be told at once.
    package var observeTruncation: @Sendable (String, TruncationReport) -> Void = { _, _ in }
    private let threads: Int

    /// Creates an aggregation that uses `strategy`.
    ///
    /// - Parameters:
    ///   - strategy: How to combine. ``RobustRule/check(goesWith:)`` and ``ServerOptimizer/check(goesWith:)`` have found
    ///     that it goes with the rest.
    ///   - robustRule: What to do about wrong clients; `nil` to trust all.
    ///   - optimizer: How to step from the previous adapter; `nil` to take what was combined.
    ///   - threads: How many threads to use; the result does not depend on it.
    package init(
        strategy: any AggregationStrategy,
        robustRule: (any RobustRule)? = nil,
        optimizer: ServerOptimizer? = nil,
        threads: Int = Concurrency.processorCount
    ) {
        self.strategy = strategy
        self.robustRule = robustRule
        self.optimizer = optimizer
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

    /// Returns the next global adapter, by an optimizer's first step where there is one.
    ///
    /// - Parameters:
    ///   - global: What the clients started from.
    ///   - updates: In any order; they are combined in the order of their clients' names.
    ///   - round: Which round it is.
    /// - Returns: The next global adapter.
    /// - Throws: As ``nextGlobal(from:updates:round:moments:)``.
    package func nextGlobal(
        from global: LoRAAdapter,
        updates: some Sequence<ClientUpdate>,
        round: RoundContext = .first
    ) throws(AggregationError) -> LoRAAdapter {
        var moments: ServerMoments?
        return try nextGlobal(from: global, updates: updates, round: round, moments: &moments)
    }

    /// Returns the next global adapter, and the moments that its optimizer carries to the next round.
    ///
    /// - Parameters:
    ///   - global: What the clients started from.
    ///   - updates: In any order; they are combined in the order of their clients' names.
    ///   - round: Which round it is.
    ///   - moments: Those of the round before, stored with the adapter; `nil` in the first round, and where there is no
    ///     optimizer. They are replaced by this round's.
    /// - Returns: The next global adapter.
    /// - Throws: The ``AggregationError`` of the first update that does not fit: a cohort is combined as a whole or not
    ///   at all. ``AggregationError/nothingToAggregate`` when no update has a positive weight,
    ///   ``AggregationError/tooFewUpdates(rule:needed:found:)`` when fewer have than the robust rule needs, and
    ///   ``AggregationError/stepNotFinite(tensor:)``. `moments` is unchanged then.
    package func nextGlobal(
        from global: LoRAAdapter,
        updates: some Sequence<ClientUpdate>,
        round: RoundContext,
        moments: inout ServerMoments?
    ) throws(AggregationError) -> LoRAAdapter {
        let updates = updates.sorted { $0.client < $1.client }
        let requirements = requirements(global: global, round: round)
        for update in updates {
            try requirements.check(update)
            // What neither is averaged below nor measured first is not read again.
            if update.weight == 0 || strategy.profile.savedTensors == .local || robustRule != nil {
                try requirements.checkValues(of: update)
            }
        }
        let total = updates.reduce(0) { $0 + $1.weight }
        guard total > 0, total.isFinite else { throw .nothingToAggregate }
        let cohort = try judged(CountedCohort(updates, totalWeight: total), from: global, round: round)
        var next = global
        try combineLayers(of: cohort, round: round, into: &next)
        if strategy.profile.savedTensors == .averaged {
            try combineSavedTensors(of: cohort, into: &next)
        }
        if let population = round.population {
            try combineControls(of: cohort.members.map(\.update), population: population, round: round, into: &next)
        }
        guard let optimizer else { return next }
        var stepped = try optimizer.step(
            from: global,
            towards: next,
            moments: &moments,
            profile: strategy.profile,
            sent: strategy.sentFactors(inRound: round.number),
            threads: threads
        )
        stepped.controls = next.controls
        return stepped
    }

    /// Returns what the robust rule leaves of a cohort.
    private func judged(
        _ cohort: CountedCohort,
        from global: LoRAAdapter,
        round: RoundContext
    ) throws(AggregationError) -> CountedCohort {
        guard let robustRule else { return cohort }
        let measurement = ChangeMeasurement(
            updates: cohort.members.map(\.update),
            global: global,
            profile: strategy.profile,
            scope: strategy.scope(inRound: round.number),
            threads: threads
        )
        return try robustRule.judge(cohort, by: measurement)
    }

    private func requirements(global: LoRAAdapter, round: RoundContext) -> UpdateRequirements {
        UpdateRequirements(
            global: global,
            ranks: strategy.profile.ranks,
            trained: strategy.trainedFactors(inRound: round.number),
            hasControls: round.population != nil
        )
    }

    /// c ← c + Σ Δcᵢ/N: the server half of SCAFFOLD (Karimireddy et al., ICML 2020, arXiv:1910.06378).
    ///
    /// Every client counts once, whatever its number of examples.
    private func combineControls(
        of updates: [ClientUpdate],
        population: Int,
        round: RoundContext,
        into next: inout LoRAAdapter
    ) throws(AggregationError) {
        let trained = next.trainedTensors(strategy.trainedFactors(inRound: round.number))
        for (name, tensor) in trained.sorted(by: { $0.key < $1.key }) {
            var terms = updates.compactMap { $0.adapter.controls[name]?.elements }
            var coefficients = [Double](repeating: 1 / Double(population), count: terms.count)
            if let control = next.controls[name] {
                terms.append(StoredAdapter.Tensor(control).elements)
                coefficients.append(1)
            }
            let (sum, reports) = weightedSum(of: terms, coefficients: coefficients, threads: threads)
            for (update, report) in zip(updates, reports) where !report.isFinite {
                throw .notFinite(client: update.client, tensor: "control.\(name)")
            }
            next.controls[name] = DenseTensor(shape: tensor.shape, elements: sum.elements)
        }
    }

    private func combineLayers(
        of cohort: CountedCohort,
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
            let updates = cohort.updates(
                of: path,
                global: module,
                averaging: strategy.profile.averages,
                training: strategy.trainedFactors(inRound: round.number)
            )
            let combined = try strategy.combine(
                LayerUpdates(
                    path: path,
                    round: round,
                    global: module,
                    updates: updates,
                    rule: cohort.rule,
                    route: route,
                    threads: threadsPerLayer
                )
            )
            if let report = combined.truncation { observeTruncation(path, report) }
            guard combined.module.isFinite else {
                throw AggregationError.factorizationFailed(module: path, reason: LoRAModule.overflow)
            }
            // What is folded into the base model stays there, whether or not this strategy adds to it.
            var residual = global.residual[path]
            if let increment = combined.residual { residual = try residual.adding(increment, at: path) }
            return (module: combined.module, residual: residual)
        }
        for (path, layer) in zip(paths, layers) {
            next.modules[path] = layer.module
            next.residual[path] = layer.residual
        }
    }

    private func combineSavedTensors(
        of cohort: CountedCohort,
        into next: inout LoRAAdapter
    ) throws(AggregationError) {
        for (path, tensor) in next.savedTensors.sorted(by: { $0.key < $1.key }) {
            next.savedTensors[path]?.elements = try cohort.combineSavedTensor(path, global: tensor, threads: threads)
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
