import Adapters
import LinearAlgebra

/// Averages products partition by partition, each over the clients whose rank reaches it, and splits the sum again.
///
/// "raFLoRA", arXiv:2602.13486, which names the decay of ``FlexLoRA``'s tail rank collapse and cures it by weights that
/// sum to 1 for every component. With the distinct ranks of the cohort as the borders of partitions h:
///
///     G = Σₕ Σ_{i: rᵢ ≥ h} (wᵢ / Σ_{i: rᵢ ≥ h} wᵢ)·sᵢ·Bᵢ[:, h]·Aᵢ[h, :]
///     G = U·Σ·Vᵀ,  A = V[:, :r]ᵀ,  B = U[:, :r]·Σ[:r]/s
///
/// Partitions mean something because all clients start from the same ordered components: a change of gauge is seen
/// unless it stays within the partitions. At equal ranks this is ``FlexLoRA``. Components beyond every client's rank
/// stay as they were.
package struct RaFLoRA: AggregationStrategy {
    package let profile = StrategyProfile(
        name: "raflora",
        paper: "arXiv:2602.13486",
        ranks: .mixed,
        averages: .products,
        isExact: false,
        rebasesFactors: true,
        needsIndividualUpdates: true,
        privacy: "noise on the factors before upload",
        sent: "rᵢ(d+k)",
        received: "rᵢ(d+k)"
    )

    package init() {}

    package func combine(_ layer: LayerUpdates) throws(AggregationError) -> CombinedLayer {
        let updates = try layer.checked()
        let global = layer.global
        // The weight of the clients that own component j.
        var owned = [Double](repeating: 0, count: global.rank)
        for update in updates {
            for component in 0..<update.rank { owned[component] += update.weight }
        }
        var product = FactoredSum(rows: global.outputWidth, columns: global.inputWidth)
        for update in updates {
            let coefficients = owned.prefix(update.rank).map { update.weight / $0 * update.scaling }
            product.add(update.b, update.a, coefficients: coefficients)
        }
        product.add(global.b, global.a, coefficients: owned.map { $0 > 0 ? 0 : global.scaling })
        return try global.rebased(on: product, in: layer)
    }
}
