package import Adapters

/// Trains and averages B in odd rounds and A in even ones; the other factor is frozen and the same everywhere.
///
/// Chen et al., "Robust federated finetuning of LLMs via alternating optimization of LoRA", NeurIPS 2025,
/// arXiv:2502.01755. With factors Bᵢ (d×r) and Aᵢ (r×k), scales sᵢ and weights wᵢ = nᵢ/Σn:
///
///     odd rounds:   B = Σ wᵢ·(sᵢ/s)·Bᵢ,  so that  s·BA = Σ wᵢ·sᵢ·BᵢA  exactly
///     even rounds:  A = Σ wᵢ·(sᵢ/s)·Aᵢ,  so that  s·BA = Σ wᵢ·sᵢ·BAᵢ  exactly
///
/// Every round is linear in what clients send, so noise, secure sums and robust rules apply as they are; unlike
/// ``FFALoRA`` it learns both factors. B comes first: at B = 0 the gradient of A is zero. A frozen factor that differs
/// from the one handed out in a single bit is refused.
package struct RoLoRA: AggregationStrategy {
    package let profile = StrategyProfile(
        name: "rolora",
        paper: "Chen et al., NeurIPS 2025, arXiv:2502.01755",
        ranks: .equal,
        averages: .factors,
        isExact: true,
        followsFromMean: true,
        privacy: "yes; linear in every round",
        sent: "rd or rk"
    )

    package init() {}

    package func trainedFactors(inRound round: Int) -> TrainedFactors { round.isMultiple(of: 2) ? .a : .b }

    package func combine(_ layer: LayerUpdates) throws(AggregationError) -> CombinedLayer {
        var module = layer.global
        if trainedFactors(inRound: layer.round.number) == .a {
            module.a = try layer.meanOfA(atGlobalScale: true)
        } else {
            module.b = try layer.meanOfB()
        }
        return CombinedLayer(module)
    }
}
