package import Adapters

/// Averages A; every client keeps its own B.
///
/// Guo et al., "Selective aggregation for low-rank adaptation in federated learning", ICLR 2025, arXiv:2410.01463. A
/// carries what clients have in common, B what is their own. With factors Aᵢ (r×k) and weights wᵢ = nᵢ/Σn:
///
///     A = Σ wᵢ·Aᵢ
///
/// Clients train both factors and send A alone; B and saved heads stay with them. The result is one model a client, so
/// it is judged by the mean of local evaluations and not as one global model. The global B is the one that the job
/// started from, zero as a rule: that is where a newcomer begins.
package struct FedSALoRA: AggregationStrategy {
    package let profile = StrategyProfile(
        name: "fedsa-lora",
        paper: "Guo et al., ICLR 2025, arXiv:2410.01463",
        ranks: .equal,
        averages: .factors,
        isExact: false,
        followsFromMean: true,
        privacy: "yes; linear, and B is never sent",
        savedTensors: .local,
        sent: "rk"
    )

    package init() {}

    package func sentFactors(inRound round: Int) -> TrainedFactors { .a }

    package func combine(_ layer: LayerUpdates) throws(AggregationError) -> CombinedLayer {
        var module = layer.global
        module.a = try layer.meanOfA()
        return CombinedLayer(module)
    }
}
