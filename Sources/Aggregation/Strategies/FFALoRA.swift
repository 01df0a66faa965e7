package import Adapters

/// Averages B; A is frozen and the same everywhere.
///
/// Sun et al., "Improving LoRA in privacy-preserving federated learning", ICLR 2024, arXiv:2403.12313. With a fixed A
/// (r×k), factors Bᵢ (d×r) and weights wᵢ = nᵢ/Σn:
///
///     B = Σ wᵢ·(sᵢ/s)·Bᵢ,  so that  s·BA = Σ wᵢ·sᵢ·BᵢA  exactly
///
/// Linear in what clients send: noise, secure sums and robust rules apply as they are. An A that differs from the one
/// handed out in a single bit is refused.
package struct FFALoRA: AggregationStrategy {
    package let profile = StrategyProfile(
        name: "ffa-lora",
        paper: "Sun et al., ICLR 2024, arXiv:2403.12313",
        ranks: .equal,
        averages: .factors,
        isExact: true,
        followsFromMean: true,
        privacy: "yes; linear",
        sent: "rd"
    )

    package init() {}

    package func trainedFactors(inRound round: Int) -> TrainedFactors { .b }

    package func combine(_ layer: LayerUpdates) throws(AggregationError) -> CombinedLayer {
        var module = layer.global
        module.b = try layer.meanOfB()
        return CombinedLayer(module)
    }
}
