import Adapters
import LinearAlgebra

/// Averages the factors, and folds what that loses into the base model.
///
/// Singhal et al., "FedEx-LoRA: exact aggregation for federated and efficient fine-tuning of foundation models", ACL
/// 2025, arXiv:2410.09432. With factors Bᵢ (d×r) at the global scale s and Aᵢ (r×k), and weights wᵢ = nᵢ/Σn:
///
///     B = Σ wᵢ·Bᵢ,  A = Σ wᵢ·Aᵢ
///     W₀ ← W₀ + s·(Σ wᵢ·BᵢAᵢ − BA) = W₀ + s·Σ_{i<N} wᵢ·(Bᵢ − B)(Aᵢ − A_N)
///
/// The whole model moves by the exact mean of the products, and clients go on in the gauge they had. The residual is the
/// covariance of the factors. It is never formed as a d×k matrix: because Σ wᵢ(Bᵢ − B) = 0 the last client's term is
/// carried by the others, and N−1 pairs of centred factors are left. It has to reach clients that missed rounds too, and
/// the base model cannot stay quantized.
package struct FedExLoRA: AggregationStrategy {
    package let profile = StrategyProfile(
        name: "fedex-lora",
        paper: "Singhal et al., ACL 2025, arXiv:2410.09432",
        ranks: .equal,
        averages: .factors,
        isExact: true,
        changesBaseModel: true,
        needsIndividualUpdates: true,
        privacy: "noise on the factors before upload",
        received: "(r+m)(d+k)"
    )

    package init() {}

    package func combine(_ layer: LayerUpdates) throws(AggregationError) -> CombinedLayer {
        let updates = try layer.checked()
        var module = layer.global
        module.a = try layer.meanOfA()
        module.b = try layer.meanOfB()
        guard let last = updates.last?.a.resident() else { return CombinedLayer(module) }
        var residual = FactoredSum(rows: module.outputWidth, columns: module.inputWidth)
        for update in updates.dropLast() {
            let b = Float(update.scaling / module.scaling) * update.b.resident() - module.b
            residual.add(b, update.a.resident() - last, coefficient: update.weight * module.scaling)
        }
        return CombinedLayer(module, residual: residual.stackedRank > 0 ? residual : nil)
    }
}
