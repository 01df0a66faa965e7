import Adapters
import LinearAlgebra

/// Stacks the clients' factors, folds the stack into the base model, and starts every round from a fresh adapter.
///
/// Wang et al., "FLoRA: federated fine-tuning large language models with heterogeneous low-rank adaptations", NeurIPS
/// 2024, arXiv:2409.05976. With factors Bᵢ (d×rᵢ) and Aᵢ (rᵢ×k), scales sᵢ and weights wᵢ = nᵢ/Σn:
///
///     W₀ ← W₀ + [B₁ … B_N]·[w₁s₁A₁; …; w_Ns_NA_N] = W₀ + Σ wᵢ·sᵢ·BᵢAᵢ        exactly, at any ranks
///     B ← 0,  A ← uniform in ±1/√k                                            as LoRA starts
///
/// Weights and scales sit on A alone, so that each counts once. The first steps of a round train B only, because at
/// B = 0 the gradient of A is zero; optimizers start anew, and the base model cannot stay quantized. What is folded in
/// grows by Σrᵢ components a round, up to min(d, k).
///
/// Should a job start from an adapter with B ≠ 0, what clients of lower ranks did not download of it goes to the base
/// model as well, as in ``FlexLoRA``'s delta mode: nothing is lost that nobody trained.
package struct FLoRA: AggregationStrategy {
    package let profile = StrategyProfile(
        name: "flora",
        paper: "Wang et al., NeurIPS 2024, arXiv:2409.05976",
        ranks: .mixed,
        averages: .products,
        isExact: true,
        rebasesFactors: true,
        changesBaseModel: true,
        needsIndividualUpdates: true,
        privacy: "noise on the factors before upload",
        sent: "rᵢ(d+k)",
        received: "(rᵢ+m)(d+k)"
    )

    package init() {}

    package func combine(_ layer: LayerUpdates) throws(AggregationError) -> CombinedLayer {
        let updates = try layer.checked()
        let global = layer.global
        var stack = FactoredSum(rows: global.outputWidth, columns: global.inputWidth)
        for update in updates {
            stack.add(update.b, update.a, coefficient: update.weight * update.scaling)
        }
        if global.b.frobeniusNorm > 0 { stack.addUntrained(global, updates) }
        return CombinedLayer(Self.fresh(like: global, at: layer.path, round: layer.round), residual: stack)
    }

    /// Returns a module as LoRA starts; the draw depends on the seed, the round and the layer's path alone.
    private static func fresh(like global: LoRAModule, at path: String, round: RoundContext) -> LoRAModule {
        let stream = [UInt64(truncatingIfNeeded: round.number)] + path.utf8.map(UInt64.init)
        var generator = CounterGenerator(seed: round.seed, stream: stream)
        let bound = 1 / Double(max(global.inputWidth, 1)).squareRoot()
        var module = global
        module.b = Matrix(rows: global.outputWidth, columns: global.rank)
        module.a.withMutableElements { a in
            for index in a.indices {
                a[index] = Float(bound * (2 * generator.uniform() - 1))
            }
        }
        return module
    }
}
