import Adapters

/// Averages the factors.
///
/// McMahan et al., "Communication-efficient learning of deep networks from decentralized data", AISTATS 2017,
/// arXiv:1602.05629; for LoRA as FedIT: Zhang et al., "Towards building the federated GPT", ICASSP 2024,
/// arXiv:2305.05644. With factors Bᵢ (d×r) and Aᵢ (r×k), scales sᵢ and weights wᵢ = nᵢ/Σn:
///
///     B = Σ wᵢ·(sᵢ/s)·Bᵢ,  A = Σ wᵢ·Aᵢ
///
/// The product of means is not the mean of products: they differ by the covariance Σ wᵢ(Bᵢ − B)(Aᵢ − A). It needs equal
/// ranks, and clients that start in the same gauge.
///
/// Whatever else an adapter holds is averaged by name: heads, and all tensors of kinds other than LoRA.
package struct FedAvg: AggregationStrategy {
    package let profile = StrategyProfile(
        name: "fedavg",
        paper: "McMahan et al., AISTATS 2017, arXiv:1602.05629; Zhang et al. (FedIT), ICASSP 2024, arXiv:2305.05644",
        ranks: .equal,
        averages: .factors,
        isExact: false,
        followsFromMean: true,
        needsFactors: false,
        privacy: "yes; noise on both factors multiplies"
    )

    package init() {}

    package func combine(_ layer: LayerUpdates) throws(AggregationError) -> CombinedLayer {
        var module = layer.global
        module.a = try layer.meanOfA()
        module.b = try layer.meanOfB()
        return CombinedLayer(module)
    }
}
