import Adapters
package import Aggregation
import LinearAlgebra

// The example of the article "Adding a strategy", which quotes it from here on.

/// Averages products, and splits the singular values of the mean evenly between both factors.
///
///     G = Σ wᵢ·sᵢ·BᵢAᵢ = U·Σ·Vᵀ,  A = √(Σ/s)·Vᵀ (r×k),  B = U·√(Σ/s) (d×r)
///
/// Where ranks differ, components that few clients hold shrink with every round, as in FlexLoRA's state mode.
package struct BalancedMean: AggregationStrategy {
    package let profile = StrategyProfile(
        name: "balanced-mean",
        paper: "the article \"Adding a strategy\"",
        ranks: .mixed,
        averages: .products,
        isExact: true,
        rebasesFactors: true,
        needsIndividualUpdates: true,
        privacy: "noise on the factors before upload"
    )

    package init() {}

    package func combine(_ layer: LayerUpdates) throws(AggregationError) -> CombinedLayer {
        let global = layer.global
        var product = FactoredSum(rows: global.outputWidth, columns: global.inputWidth)
        for update in try layer.checked() {
            product.add(update.b, update.a, coefficient: update.weight * update.scaling)
        }
        let triplets: SingularValueDecomposition
        do throws(LinearAlgebraError) {
            triplets = try product.truncatedSVD(rank: global.rank, threads: layer.threads)
        } catch {
            throw .factorizationFailed(module: layer.path, reason: error.description)
        }
        var module = global
        guard triplets.singularValues.contains(where: { $0 > 0 }) else {
            module.b = Matrix(rows: global.outputWidth, columns: global.rank)
            return CombinedLayer(module)
        }
        let roots = triplets.singularValues.map { Float(($0 / global.scaling).squareRoot()) }
        // A component without a singular value keeps its row of A, or it could never be trained again.
        let lengths = roots.map { $0 > 0 ? $0 : 1 }
        let rows = triplets.vt.transposed().scalingColumns(by: lengths, paddedTo: triplets.count).transposed()
        module.a = rows.repeatingRows(toCount: global.rank)
        module.b = triplets.u.scalingColumns(by: roots, paddedTo: global.rank)
        return CombinedLayer(module)
    }
}
