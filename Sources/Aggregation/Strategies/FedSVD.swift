package import Adapters
import LinearAlgebra

/// Averages B, and splits BA anew after every round so that the frozen A has orthonormal rows.
///
/// Lee et al., "FedSVD: adaptive orthogonalization for private federated learning with LoRA", NeurIPS 2025,
/// arXiv:2505.12805. Clients share A (r×k) and train Bᵢ (d×r). With weights wᵢ = nᵢ/Σn:
///
///     B = Σ wᵢ·(sᵢ/s)·Bᵢ,  BA = U·Σ·Vᵀ
///     A ← Vᵀ,  B ← U·Σ
///
/// The product is the exact mean and splitting it changes nothing of it; orthonormal rows of A keep the gradient of B,
/// and the noise on it, from being amplified. The d×k product is not formed: B = Q_B·R_B and Aᵀ = Q_A·R_A leave the
/// singular value decomposition of the r×r matrix R_B·R_Aᵀ. Where B is zero every split is as good, and A alone is made
/// orthonormal. Only uploads are as small as ``FFALoRA``'s: A changes, so it is sent down every round.
package struct FedSVD: AggregationStrategy {
    package let profile = StrategyProfile(
        name: "fedsvd",
        paper: "Lee et al., NeurIPS 2025, arXiv:2505.12805",
        ranks: .equal,
        averages: .factors,
        isExact: true,
        rebasesFactors: true,
        followsFromMean: true,
        privacy: "yes; linear, the split is post-processing",
        sent: "rd"
    )

    package init() {}

    package func trainedFactors(inRound round: Int) -> TrainedFactors { .b }

    package func start(from initial: LoRAAdapter, seed: UInt64) throws(AggregationError) -> LoRAAdapter {
        var adapter = initial
        for (path, module) in initial.modules.sorted(by: { $0.key < $1.key }) {
            adapter.modules[path] = try module.split(at: path, threads: Concurrency.processorCount)
        }
        return adapter
    }

    package func combine(_ layer: LayerUpdates) throws(AggregationError) -> CombinedLayer {
        var module = layer.global
        module.b = try layer.meanOfB()
        return CombinedLayer(try module.split(at: layer.path, threads: layer.threads))
    }
}

extension LoRAModule {
    /// Returns the same product with A = Vᵀ, or, where it is zero, with an orthonormal basis of A's rows.
    fileprivate func split(at path: String, threads: Int) throws(AggregationError) -> LoRAModule {
        var product = FactoredSum(rows: outputWidth, columns: inputWidth)
        product.add(b, a, coefficient: scaling)
        var module = try rebased(on: product, path: path, threads: threads)
        // A product of zero leaves A as it was.
        if module.b.frobeniusNorm == 0 { module.a = a.orthonormalizingRows() }
        return module
    }
}
