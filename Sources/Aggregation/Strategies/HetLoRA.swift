import Adapters
import LinearAlgebra

/// Averages factors of different ranks, padded with zeros, by the norms of their products.
///
/// Cho et al., "Heterogeneous LoRA for federated fine-tuning of on-device foundation models", EMNLP 2024,
/// arXiv:2401.06432. With factors Bᵢ (d×rᵢ) and Aᵢ (rᵢ×k), filled up with zeros to the global rank r:
///
///     Sᵢ = ‖sᵢ·BᵢAᵢ‖_F,  pᵢ = Sᵢ/ΣS                   for each adapted matrix on its own
///     B = Σ pᵢ·(sᵢ/s)·[Bᵢ 0],  A = Σ pᵢ·[Aᵢ; 0]
///
/// Numbers of examples do not count, except where every product is zero. The norms come from r×r Gram matrices. Norms
/// that weigh and norms that are weighed multiply: a client whose update grows tenfold counts a hundredfold, so updates
/// are best clipped first. Components that few clients hold are diluted with zeros and decay from round to round,
/// trained or not. Those that no client of a round holds stay as they were, unlike in the paper: zeros in A and B alike
/// would have no gradient and could never be trained again. This is the server's half; regularisation and rank
/// self-pruning are the client's, ``RankPruning``.
package struct HetLoRA: AggregationStrategy {
    package let profile = StrategyProfile(
        name: "hetlora",
        paper: "Cho et al., EMNLP 2024, arXiv:2401.06432",
        ranks: .mixed,
        averages: .factors,
        isExact: false,
        needsIndividualUpdates: true,
        usesWeights: false,
        privacy: "only with norms clipped: the weights leak",
        sent: "rᵢ(d+k)",
        received: "rᵢ(d+k)"
    )

    /// What the clients do by themselves.
    package let pruning: RankPruning?

    /// Creates the strategy.
    ///
    /// - Parameter pruning: How clients lower their ranks; `nil` when they never do.
    package init(pruning: RankPruning? = RankPruning()) {
        self.pruning = pruning.flatMap { $0.gamma < 1 ? $0 : nil }
    }

    package func combine(_ layer: LayerUpdates) throws(AggregationError) -> CombinedLayer {
        let updates = try layer.checked()
        let global = layer.global
        let norms = updates.map { update in
            var product = FactoredSum(rows: global.outputWidth, columns: global.inputWidth)
            product.add(update.b, update.a, coefficient: update.scaling)
            return product.frobeniusNorm(threads: layer.threads)
        }
        let total = norms.reduce(0, +)
        var sum = ComponentSum(like: global)
        for (update, norm) in zip(updates, norms) {
            sum.add(update, coefficient: total > 0 ? norm / total : update.weight)
        }
        return CombinedLayer(sum.paddedWithZeros())
    }
}
