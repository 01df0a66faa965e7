import Adapters
import LinearAlgebra

@testable import Aggregation

/// The example of the article "Adding a strategy": averages products like FlexLoRA's state mode, and splits the singular
/// values evenly between both factors.
///
///     G = Σ wᵢ·sᵢ·BᵢAᵢ = U·Σ·Vᵀ,  A = √(Σ/s)·Vᵀ,  B = U·√(Σ/s)
struct BalancedMean: AggregationStrategy {
    struct State: Sendable, Codable {
        let global: LoRAAdapter
        var totalWeight = 0.0
        var products: [String: FactoredSum]
        var saved: TensorSum
    }

    func initialState(for global: LoRAAdapter) -> State {
        State(
            global: global,
            products: global.modules.mapValues { FactoredSum(rows: $0.outputWidth, columns: $0.inputWidth) },
            saved: TensorSum(counts: global.orderedSavedTensors.map(\.count))
        )
    }

    func accumulate(_ update: consuming ClientUpdate, into state: inout State) throws(AggregationError) {
        let update = update
        // First everything that can be wrong, then the sums.
        try UpdateRequirements(global: state.global, ranks: .upToGlobal).check(update)
        guard update.weight > 0 else { return }
        state.totalWeight += update.weight
        for (path, module) in update.adapter.modules {
            state.products[path]?.add(module.b, module.a, coefficient: update.weight * module.scaling)
        }
        let saved = update.adapter.orderedSavedTensors
        state.saved.add(saved, scaledBy: saved.map { _ in update.weight }, threads: 1)
    }

    func finish(_ state: inout State) throws(AggregationError) -> LoRAAdapter {
        guard state.totalWeight > 0 else { throw .nothingToAggregate }
        var next = state.global
        for (path, global) in state.global.modules {
            guard let product = state.products[path] else { continue }
            let triplets: SingularValueDecomposition
            do throws(LinearAlgebraError) {
                triplets = try product.truncatedSVD(rank: global.rank)
            } catch {
                throw .factorizationFailed(module: path, reason: error.description)
            }
            guard triplets.singularValues.contains(where: { $0 > 0 }) else {
                next.modules[path]?.b = Matrix(rows: global.outputWidth, columns: global.rank)
                continue
            }
            let scale = state.totalWeight * global.scaling
            let roots = triplets.singularValues.map { Float(($0 / scale).squareRoot()) }
            // A component without a singular value keeps its row of A, or it could never be trained again.
            let rows = triplets.vt.transposed().scalingColumns(
                by: roots.map { $0 > 0 ? $0 : 1 },
                paddedTo: triplets.count
            )
            next.modules[path]?.a = rows.transposed().repeatingRows(toCount: global.rank)
            next.modules[path]?.b = triplets.u.scalingColumns(by: roots, paddedTo: global.rank)
        }
        next.replaceSavedTensors(by: state.saved.means(total: state.totalWeight))
        return next
    }

    func adapter(forRank rank: Int, from global: LoRAAdapter) throws(AggregationError) -> LoRAAdapter {
        try global.handedOut(atRank: rank)
    }
}
