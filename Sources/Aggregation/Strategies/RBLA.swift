import Adapters

/// Averages every component of the factors over the clients that hold it.
///
/// Chen et al., "RBLA: rank-based-LoRA-aggregation for fine-tuning heterogeneous models in FLaaS", arXiv:2408.08699.
/// Padding by replication (Byun & Lee, NAACL 2025, arXiv:2406.17477) gives the same mean. With factors Bᵢ (d×rᵢ) and Aᵢ
/// (rᵢ×k):
///
///     B[:, j] = Σ wᵢ·(sᵢ/s)·Bᵢ[:, j] / Σ wᵢ           over the clients with rᵢ ≥ j
///     A[j, :] = Σ wᵢ·Aᵢ[j, :] / Σ wᵢ
///
/// Nothing is diluted: a round without training changes nothing, at any ranks. It averages factors, so between the
/// owners of a component their covariance is lost as in ``FedAvg``, and all have to start in one gauge. Noise on a
/// component that few hold is averaged over few. A component that nobody sent stays as it was.
package struct RBLA: AggregationStrategy {
    package let profile = StrategyProfile(
        name: "rbla",
        paper: "Chen et al., arXiv:2408.08699",
        ranks: .mixed,
        averages: .factors,
        isExact: false,
        privacy: "yes; more noise on components with few owners",
        sent: "rᵢ(d+k)",
        received: "rᵢ(d+k)"
    )

    package init() {}

    package func combine(_ layer: LayerUpdates) throws(AggregationError) -> CombinedLayer {
        var sum = ComponentSum(like: layer.global)
        for update in try layer.checked() {
            sum.add(update, coefficient: update.weight)
        }
        return CombinedLayer(sum.dividedByOwners())
    }
}
