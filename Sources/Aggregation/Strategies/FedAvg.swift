package import Adapters
import LinearAlgebra

/// Averages the factors themselves: Ā = Σ wᵢAᵢ, B̄ = Σ wᵢBᵢ, with wᵢ = nᵢ/Σn.
///
/// Federated averaging (McMahan et al., AISTATS 2017) of LoRA's factors, as FedIT does (Zhang et al., ICASSP 2024,
/// arXiv:2305.05644). Linear in what clients send, so it goes with secure sums and differential privacy. The mean of
/// products is not the product of means: what is lost is Σ wᵢ(Bᵢ − B̄)(Aᵢ − Ā), which grows with the drift between
/// clients and vanishes where they share one factor. Needs equal ranks, and clients that all started from one adapter.
///
/// Saved tensors are averaged alike. Sums are kept in 64 bits and rounded once.
package struct FedAvg: AggregationStrategy {
    /// The weighted sums so far.
    package struct State: Sendable, Codable {
        fileprivate let global: LoRAAdapter
        fileprivate var totalWeight = 0.0
        fileprivate var sums: TensorSum
    }

    /// How many tensors may be added at once; the result does not depend on it.
    private let threads: Int

    /// Creates the strategy.
    package init(threads: Int = Concurrency.processorCount) {
        self.threads = threads
    }

    package func initialState(for global: LoRAAdapter) -> State {
        State(global: global, sums: TensorSum(counts: global.orderedTensors.map(\.elements.count)))
    }

    package func accumulate(_ update: consuming ClientUpdate, into state: inout State) throws(AggregationError) {
        let update = update
        try UpdateRequirements(global: state.global, ranks: .equal).check(update)
        guard update.weight > 0 else { return }
        // Where a client's α differs from the global one, its B carries the difference: the product is what counts.
        var scales: [Double] = []
        for (path, module) in update.adapter.modules.sorted(by: { $0.key < $1.key }) {
            let ratio = state.global.modules[path].map { module.scaling / $0.scaling } ?? 1
            scales += [update.weight, update.weight * ratio]
        }
        scales += update.adapter.savedTensors.map { _ in update.weight }
        state.totalWeight += update.weight
        state.sums.add(update.adapter.orderedTensors.map(\.elements), scaledBy: scales, threads: threads)
    }

    package func finish(_ state: inout State) throws(AggregationError) -> LoRAAdapter {
        guard state.totalWeight > 0 else { throw .nothingToAggregate }
        return state.global.replacingTensors(by: state.sums.means(total: state.totalWeight))
    }

    package func adapter(forRank rank: Int, from global: LoRAAdapter) throws(AggregationError) -> LoRAAdapter {
        guard rank == global.maximumRank else {
            throw .invalidRank(rank, offered: global.maximumRank...global.maximumRank)
        }
        return global
    }
}

extension LoRAAdapter {
    /// Returns an adapter of the same shape with other values, given in canonical order.
    fileprivate func replacingTensors(by values: [[Float]]) -> LoRAAdapter {
        var adapter = self
        var values = values[...]
        for path in modules.keys.sorted() {
            guard var module = modules[path], let a = values.popFirst(), let b = values.popFirst() else { continue }
            module.a = Matrix(rows: module.a.rows, columns: module.a.columns, elements: a)
            module.b = Matrix(rows: module.b.rows, columns: module.b.columns, elements: b)
            adapter.modules[path] = module
        }
        adapter.replaceSavedTensors(by: Array(values))
        return adapter
    }
}
