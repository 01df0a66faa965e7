import Adapters
import LinearAlgebra

/// Averages the factors, and corrects B so that the product comes as close to the mean of products as A allows.
///
/// Bian et al., "LoRA-FAIR: federated LoRA fine-tuning with aggregation and initialization refinement", ICCV 2025,
/// arXiv:2411.14961. With factors Bᵢ (d×r) at the global scale and Aᵢ (r×k), weights wᵢ = nᵢ/Σn and a penalty λ:
///
///     B = Σ wᵢ·Bᵢ,  A = Σ wᵢ·Aᵢ,  G = Σ wᵢ·BᵢAᵢ
///     D = argmin ‖G − (B + D)A‖² + λ‖D‖² = (G − BA)Aᵀ·(AAᵀ + λI)⁻¹
///     B ← B + D
///
/// The paper descends on a cosine distance; the Frobenius norm has this closed form, which needs no learning rate and
/// always gives the same bits. G − BA is the covariance Σ wᵢ(Bᵢ − B)(Aᵢ − A): only its product with Aᵀ is formed, d×r.
/// What lies outside the rows of A stays lost, all of it where the covariance is orthogonal to them. Without the penalty
/// the paper's results are worse: D then moves B far from where clients left it.
package struct LoRAFAIR: AggregationStrategy {
    package let profile = StrategyProfile(
        name: "lora-fair",
        paper: "Bian et al., ICCV 2025, arXiv:2411.14961",
        ranks: .equal,
        averages: .factors,
        isExact: false,
        needsIndividualUpdates: true,
        privacy: "noise on the factors before upload"
    )
    /// λ, at least 0, relative to the squares of A's singular values.
    package let penalty: Double

    /// Creates the strategy, by default with the paper's λ.
    package init(penalty: Double = 0.01) {
        precondition(penalty >= 0, "a penalty of \(penalty) rewards what it should punish")
        self.penalty = penalty
    }

    package func combine(_ layer: LayerUpdates) throws(AggregationError) -> CombinedLayer {
        let updates = try layer.checked()
        var module = layer.global
        module.a = try layer.meanOfA()
        module.b = try layer.meanOfB()
        // (G − BA)·Aᵀ, d×r.
        var moment = Matrix(rows: module.outputWidth, columns: module.rank)
        for update in updates {
            let b = Float(update.scaling / module.scaling) * update.b.resident() - module.b
            let a = (update.a.resident() - module.a).timesTransposed(module.a)
            moment.add(b * a, scaledBy: Float(update.weight))
        }
        do throws(LinearAlgebraError) {
            module.b.add(try ridgeRegression(moment: moment, onto: module.a, penalty: penalty))
        } catch {
            throw .factorizationFailed(module: layer.path, reason: error.description)
        }
        return CombinedLayer(module)
    }
}
