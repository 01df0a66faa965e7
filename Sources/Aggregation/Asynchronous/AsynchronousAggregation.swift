package import Adapters
package import LinearAlgebra

/// Takes one buffered asynchronous step: from the current global adapter and the changes of clients that started earlier.
///
/// A change is what a client sends minus what it downloaded, and that may be versions old. What may be added to what:
///
/// - Where the server never changes the basis of the factors (FedAvg, FFA-LoRA, Fed-SB, RBLA …), changes of factors are
///   added to the factors. Component j moves by the changes of those who have it, so ranks may differ:
///   `x[j] += η·Σ s(τᵢ)·Dᵢ[j] / K`, with K, or Σ s, over those clients.
/// - Where every round splits the product anew (FlexLoRA, FedSVD, raFLoRA), a change of old factors means nothing to the
///   present ones. The change of the product does: `G += η/K·Σ s(τᵢ)·(sᵢBᵢAᵢ − s⁰B⁰A⁰)`, kept as factors of rank 2rᵢ, and
///   G is split at the global rank.
package struct AsynchronousAggregation: Sendable {
    /// A change, and how old its start is.
    package struct Change: Sendable {
        /// With what the client downloaded in ``ClientUpdate/handed``; its weight has no influence.
        package let update: ClientUpdate
        /// τ.
        package let staleness: Int

        package init(update: ClientUpdate, staleness: Int) {
            self.update = update
            self.staleness = staleness
        }
    }

    private let strategy: any AggregationStrategy
    private let aggregation: BufferedAggregation
    private let route: FactoredSum.Route?
    private let threads: Int

    /// Creates the step of a strategy that ``check(goesWith:)`` lets pass; `route` is how products are truncated, `nil` to
    /// choose by their size.
    package init(
        strategy: any AggregationStrategy,
        aggregation: BufferedAggregation,
        route: FactoredSum.Route? = nil,
        threads: Int = Concurrency.processorCount
    ) {
        self.strategy = strategy
        self.aggregation = aggregation
        self.route = route
        self.threads = threads
    }

    /// Checks that a strategy can take changes of different age.
    ///
    /// - Throws: ``AggregationError/unsuitableSetting(key:problem:remedy:)`` with the reason.
    package static func check(goesWith strategy: any AggregationStrategy) throws(AggregationError) {
        let profile = strategy.profile
        let reason: String? =
            if profile.changesBaseModel {
                "changes the base model every round, so clients of different rounds train different models"
            } else if profile.needsIndividualUpdates, !profile.rebasesFactors {
                "does more with the updates of one round than adding up their changes"
            } else if strategy.trainedFactors(inRound: 1) != strategy.trainedFactors(inRound: 2) {
                "lets clients train another factor every round"
            } else {
                nil
            }
        guard let reason else { return }
        throw .unsuitableSetting(
            key: "strategy.name",
            problem: "is '\(profile.name)', which \(reason), and asynchronous rounds mix updates of several",
            remedy: "Use a strategy such as fedavg, ffa-lora, rbla, fed-sb or flexlora, or synchronous rounds."
        )
    }

    /// Returns the next global adapter.
    ///
    /// - Parameters:
    ///   - global: x, the current global adapter.
    ///   - changes: At least one, in the order of the step: the result depends on it to rounding.
    ///   - round: Which step it is, from 1.
    /// - Returns: The next x, of the same shape.
    /// - Throws: An ``AggregationError`` that names the client whose update does not fit or is not finite.
    package func nextGlobal(
        from global: LoRAAdapter,
        changes: [Change],
        round: RoundContext
    ) throws(AggregationError) -> LoRAAdapter {
        guard !changes.isEmpty else { throw .nothingToAggregate }
        let scope = strategy.scope(inRound: round.number)
        for change in changes {
            try check(change.update, against: global, scope: scope)
        }
        let weights = aggregation.weights(stalenesses: changes.map(\.staleness))
        var next = global
        let paths = global.modules.keys.sorted()
        let threadsPerLayer = paths.count < threads ? threads : 1
        let modules = try Concurrency.map(paths.count, threads: threads) { index throws(AggregationError) in
            let path = paths[index]
            guard let module = global.modules[path] else { preconditionFailure("'\(path)' is one of the adapter's") }
            let layers = changes.compactMap { Self.layerChange(of: $0.update, at: path, global: module) }
            guard strategy.profile.rebasesFactors else {
                return addFactors(of: layers, weights: weights, to: module, scope: scope)
            }
            let product = product(of: layers, weights: weights, from: module)
            return try module.rebased(on: product, path: path, route: route, threads: threadsPerLayer)
        }
        for (path, module) in zip(paths, modules) {
            guard module.a.isFinite, module.b.isFinite, module.core?.isFinite != false else {
                throw .stepNotFinite(tensor: path)
            }
            next.modules[path] = module
        }
        if scope.sendsSavedTensors {
            try addSavedTensors(of: changes, weights: weights, to: &next)
        }
        return next
    }

    // MARK: - Parts

    private func check(
        _ update: ClientUpdate,
        against global: LoRAAdapter,
        scope: UpdateScope
    ) throws(AggregationError) {
        let requirements = UpdateRequirements(global: global, ranks: strategy.profile.ranks, trained: scope.trained)
        try requirements.check(update)
        try requirements.checkValues(of: update)
        // What a client downloaded is the server's own, but it has to be that of this client.
        guard let handed = update.handed else { return }
        for (path, module) in update.adapter.modules.sorted(by: { $0.key < $1.key }) {
            let found = handed.modules[path]?.rank ?? 0
            guard found == module.rank else {
                throw .rankMismatch(client: update.client, module: path, expected: found, found: module.rank)
            }
        }
    }

    private static func layerChange(of update: ClientUpdate, at path: String, global: LoRAModule) -> LayerChange? {
        update.adapter.modules[path].map { own in
            LayerChange(own: own, start: (update.handed?.modules[path] ?? global).truncated(toRank: own.rank))
        }
    }

    /// G + η/K·Σ s(τᵢ)·(sᵢBᵢAᵢ − s⁰B⁰A⁰), as factors.
    private func product(of layers: [LayerChange], weights: [Double], from global: LoRAModule) -> FactoredSum {
        var sum = FactoredSum(rows: global.outputWidth, columns: global.inputWidth)
        let plain = global.withoutCore
        sum.add(plain.b, plain.a, coefficient: plain.scaling)
        let divisor = aggregation.divisor(ofWeights: weights)
        for (layer, weight) in zip(layers, weights) {
            let coefficient = aggregation.learningRate * weight / divisor
            let (own, start) = (layer.own.resident().withoutCore, layer.start.withoutCore)
            sum.add(own.b, own.a, coefficient: coefficient * own.scaling)
            sum.add(start.b, start.a, coefficient: -coefficient * start.scaling)
        }
        return sum
    }

    private func addFactors(
        of layers: [LayerChange],
        weights: [Double],
        to global: LoRAModule,
        scope: UpdateScope
    ) -> LoRAModule {
        // By what changes of component j are multiplied: only those who have it share it.
        let rates = (0..<global.rank).map { component in
            let owners = zip(layers, weights).filter { $0.0.own.rank > component }.map(\.1)
            return owners.isEmpty ? 0 : aggregation.learningRate / aggregation.divisor(ofWeights: owners)
        }
        var module = global
        var (a, b, core) = (FactorSum(global.a), FactorSum(global.b), global.core.map(FactorSum.init))
        for (layer, weight) in zip(layers, weights) {
            let own = FactorRatios(scaling: layer.own.scaling, global: global.scaling, trained: scope.trained)
            let start = FactorRatios(scaling: layer.start.scaling, global: global.scaling, trained: scope.trained)
            let rowRates = rates.map { weight * $0 }
            if scope.sent.includesA {
                a.add(layer.own.a, scaledBy: own.a, rowRates: rowRates)
                a.add(StoredMatrix(layer.start.a), scaledBy: -start.a, rowRates: rowRates)
            }
            if scope.sent.includesB {
                b.add(layer.own.b, scaledBy: own.b, columnRates: rowRates)
                b.add(StoredMatrix(layer.start.b), scaledBy: -start.b, columnRates: rowRates)
            }
            if scope.sent.includesCore, let end = layer.own.core, let begin = layer.start.core {
                core?.add(end, scaledBy: own.core, rowRates: rowRates)
                core?.add(StoredMatrix(begin), scaledBy: -start.core, rowRates: rowRates)
            }
        }
        module.a = a.matrix
        module.b = b.matrix
        module.core = core?.matrix
        return module
    }

    private func addSavedTensors(
        of changes: [Change],
        weights: [Double],
        to next: inout LoRAAdapter
    ) throws(AggregationError) {
        let divisor = aggregation.divisor(ofWeights: weights)
        for (path, tensor) in next.savedTensors.sorted(by: { $0.key < $1.key }) {
            var tensors = [StoredMatrix(tensor.row)]
            var coefficients = [1.0]
            for (change, weight) in zip(changes, weights) {
                guard let own = change.update.adapter.savedTensors[path] else { continue }
                let start = change.update.handed?.savedTensors[path] ?? tensor
                let coefficient = aggregation.learningRate * weight / divisor
                tensors += [own.elements, StoredMatrix(start.row)]
                coefficients += [coefficient, -coefficient]
            }
            let sum = weightedSum(of: tensors, coefficients: coefficients, threads: threads).sum
            guard sum.isFinite else { throw .stepNotFinite(tensor: path) }
            next.savedTensors[path]?.elements = sum.elements
        }
    }
}
