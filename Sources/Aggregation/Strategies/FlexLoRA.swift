package import Adapters
import LinearAlgebra

/// Averages the products, and splits the average again at every client's own rank.
///
/// Bai et al., "Federated fine-tuning of large language models under heterogeneous tasks and client resources", NeurIPS
/// 2024, arXiv:2402.11505. With d×k layers, factors Bᵢ (d×rᵢ) and Aᵢ (rᵢ×k), scales sᵢ and weights wᵢ = nᵢ/Σn:
///
///     G = Σ wᵢ·sᵢ·BᵢAᵢ                                      ``AggregationMode/state``, as published
///     G = G(t) + Σ wᵢ·(sᵢ·BᵢAᵢ − what client i downloaded)  ``AggregationMode/delta``
///     G = U·Σ·Vᵀ,  A = V[:, :r]ᵀ,  B = U[:, :r]·Σ[:r]/s
///
/// The average is exact; cutting it to a rank leaves out the tail of Σ and nothing else. As published, component j is
/// multiplied every round by the weight of the clients whose rank reaches j, trained or not: with mixed ranks the tail
/// decays geometrically. In delta mode it stays. G is never formed: its singular vectors come from the stacked factors.
///
/// Every round changes the basis of the factors, so nothing that a client or server keeps per factor (momentum, say)
/// survives one. Saved tensors are averaged by weight in both modes.
package struct FlexLoRA: AggregationStrategy {
    /// The products so far, kept as their factors.
    package struct State: Sendable, Codable {
        fileprivate let global: LoRAAdapter
        fileprivate var totalWeight = 0.0
        /// Σ nᵢ·sᵢ·BᵢAᵢ by module.
        fileprivate var products: [String: FactoredSum]
        /// The weight of the clients that downloaded component j, by module.
        fileprivate var downloaded: [String: [Double]]
        fileprivate var savedTensors: TensorSum
    }

    /// What is averaged.
    package let mode: AggregationMode
    /// How many modules may be factored at once; the result does not depend on it.
    private let threads: Int

    /// Creates the strategy.
    package init(mode: AggregationMode = .delta, threads: Int = Concurrency.processorCount) {
        self.mode = mode
        self.threads = threads
    }

    package func initialState(for global: LoRAAdapter) -> State {
        State(
            global: global,
            products: global.modules.mapValues { FactoredSum(rows: $0.outputWidth, columns: $0.inputWidth) },
            downloaded: global.modules.mapValues { [Double](repeating: 0, count: $0.rank) },
            savedTensors: TensorSum(counts: global.orderedSavedTensors.map(\.count))
        )
    }

    package func accumulate(_ update: consuming ClientUpdate, into state: inout State) throws(AggregationError) {
        let update = update
        try UpdateRequirements(global: state.global, ranks: .upToGlobal).check(update)
        guard update.weight > 0 else { return }
        state.totalWeight += update.weight
        for (path, module) in update.adapter.modules {
            state.products[path]?.add(module.b, module.a, coefficient: update.weight * module.scaling)
            for component in 0..<module.rank {
                state.downloaded[path]?[component] += update.weight
            }
        }
        let saved = update.adapter.orderedSavedTensors
        state.savedTensors.add(saved, scaledBy: saved.map { _ in update.weight }, threads: threads)
    }

    package func finish(_ state: inout State) throws(AggregationError) -> LoRAAdapter {
        guard state.totalWeight > 0 else { throw .nothingToAggregate }
        let current = state
        let paths = current.global.modules.keys.sorted()
        // Modules share the threads; a lone module uses two for its two sides.
        let threadsPerModule = paths.count < threads ? threads : 1
        let modules = try Concurrency.map(paths.count, threads: threads) { index throws(AggregationError) in
            try self.rebasedModule(paths[index], in: current, threads: threadsPerModule)
        }
        var next = current.global
        for (path, module) in zip(paths, modules) {
            next.modules[path] = module
        }
        next.replaceSavedTensors(by: current.savedTensors.means(total: current.totalWeight))
        return next
    }

    package func adapter(forRank rank: Int, from global: LoRAAdapter) throws(AggregationError) -> LoRAAdapter {
        try global.handedOut(atRank: rank)
    }

    /// Returns the next global module: the average product, split at the global rank.
    private func rebasedModule(
        _ path: String,
        in state: State,
        threads: Int
    ) throws(AggregationError) -> LoRAModule {
        guard let global = state.global.modules[path], var product = state.products[path] else {
            preconditionFailure("'\(path)' is not in the state that was made for it")
        }
        if mode == .delta, let downloaded = state.downloaded[path] {
            // What client i downloaded is the first rᵢ components of G(t). Of G(t) there remains, component by component,
            // the share of those who did not download it; factor by factor nothing has to be subtracted.
            product.add(global.b, global.a, coefficients: downloaded.map { global.scaling * (state.totalWeight - $0) })
        }
        let decomposition: SingularValueDecomposition
        do throws(LinearAlgebraError) {
            decomposition = try product.truncatedSVD(rank: global.rank, threads: threads)
        } catch {
            throw .factorizationFailed(module: path, reason: error.description)
        }
        return try global.replacingProduct(by: decomposition, dividedBy: state.totalWeight, path: path)
    }
}

extension LoRAModule {
    /// Returns the module with A = Vᵀ and B = U·Σ/s, of the same rank and α.
    ///
    /// A product of exactly zero keeps A and clears B, as LoRA starts. Where the product has fewer components than the
    /// rank, rows of A without a column of B stay orthonormal while they can and repeat after that: a component whose A
    /// and B are both zero would have no gradient and could never be trained again.
    fileprivate func replacingProduct(
        by decomposition: SingularValueDecomposition,
        dividedBy total: Double,
        path: String
    ) throws(AggregationError) -> LoRAModule {
        var module = self
        guard let largest = decomposition.singularValues.first, largest > 0 else {
            module.b = Matrix(rows: outputWidth, columns: rank)
            return module
        }
        let scales = decomposition.singularValues.map { Float($0 / (total * scaling)) }
        module.a = decomposition.vt.repeatingRows(toCount: rank)
        module.b = decomposition.u.scalingColumns(by: scales, paddedTo: rank)
        guard module.b.isFinite else {
            throw .factorizationFailed(module: path, reason: "Its product does not fit in 32-bit floats.")
        }
        return module
    }
}
