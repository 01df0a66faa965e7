import Adapters
import LinearAlgebra

/// Averages the products, and splits the average again at every client's own rank.
///
/// Bai et al., "Federated fine-tuning of large language models under heterogeneous tasks and client resources", NeurIPS
/// 2024, arXiv:2402.11505. With d×k layers, factors Bᵢ (d×rᵢ) and Aᵢ (rᵢ×k), scales sᵢ and weights wᵢ = nᵢ/Σn:
///
///     G = Σ wᵢ·sᵢ·BᵢAᵢ                                      ``AggregationMode/state``, as published
///     G = G(t) + Σ wᵢ·(sᵢ·BᵢAᵢ − what client i downloaded)  ``AggregationMode/delta``
///     G = U·Σ·Vᵀ,  A = V[:, :r]ᵀ,  B = U[:, :r]·Σ[:r]/s
///
/// The average is exact; cutting it to a rank leaves out the tail of Σ and nothing else. As published, component j is
/// multiplied every round by the weight of the clients whose rank reaches j, trained or not: with mixed ranks the tail
/// decays geometrically. In delta mode it stays. G is never formed: its singular vectors come from the stacked factors.
///
/// Every round changes the basis of the factors, so nothing that a client or server keeps per factor (momentum, say)
/// survives one.
package struct FlexLoRA: AggregationStrategy {
    package let profile = StrategyProfile(
        name: "flexlora",
        paper: "Bai et al., NeurIPS 2024, arXiv:2402.11505",
        ranks: .mixed,
        averages: .products,
        isExact: true,
        rebasesFactors: true,
        needsIndividualUpdates: true,
        privacy: "noise on the factors before upload",
        sent: "rᵢ(d+k)",
        received: "rᵢ(d+k)"
    )
    /// What is averaged.
    package let mode: AggregationMode

    /// Creates the strategy.
    package init(mode: AggregationMode = .delta) {
        self.mode = mode
    }

    package func combine(_ layer: LayerUpdates) throws(AggregationError) -> CombinedLayer {
        let global = layer.global
        let updates = try layer.checked()
        var product = FactoredSum(rows: global.outputWidth, columns: global.inputWidth)
        for update in updates {
            product.add(update.b, update.a, coefficient: update.weight * update.scaling)
        }
        if mode == .delta { product.addUntrained(global, updates) }
        return try global.rebased(on: product, in: layer)
    }
}

extension FactoredSum {
    /// Adds G(t) − Σ wᵢ·(what client i downloaded).
    ///
    /// What client i downloaded is the first rᵢ components of G(t). Of G(t) there remains, component by component, the
    /// share of those who did not download it; factor by factor nothing has to be subtracted.
    mutating func addUntrained(_ global: LoRAModule, _ updates: [LayerUpdate]) {
        var remaining = [Double](repeating: 1, count: global.rank)
        for update in updates {
            if let handed = update.handed {
                add(handed.b, handed.a, coefficient: -update.weight * handed.scaling)
            } else {
                for component in 0..<update.rank { remaining[component] -= update.weight }
            }
        }
        // Shares that differ from 0 by rounding alone stand for nobody.
        let coefficients = remaining.map { abs($0) < 1e-12 ? 0 : global.scaling * $0 }
        add(global.b, global.a, coefficients: coefficients)
    }
}
