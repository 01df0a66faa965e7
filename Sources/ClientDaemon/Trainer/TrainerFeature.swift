import Adapters
import Aggregation
package import FederatedLearning

/// Something beyond plain LoRA training that a trainer may offer in its hello, and that some orders need.
///
/// A trainer that ignored it would return an adapter that fits and means something else, so it has to be asked for.
package enum TrainerFeature: String, Sendable, Hashable, CaseIterable {
    /// A alone, or B alone, is trained.
    case frozenFactors = "frozen-factors"
    /// Something is folded into the base model first.
    case residual
    /// Gradients are corrected by SCAFFOLD's control variates.
    case controlVariates = "control-variates"
    /// FedProx's pull to where the round started.
    case proximal
    /// B learns faster than A.
    case loraPlus = "lora-plus"
    /// HetLoRA's penalty on the components that may go.
    case rankPruning = "rank-pruning"
    /// Adapters of other kinds than LoRA.
    case adapterKinds = "adapter-kinds"

    /// Returns what an order needs beyond plain LoRA training, in the order of the cases.
    ///
    /// - Parameters:
    ///   - order: What is ordered.
    ///   - residual: Whether the adapter of the order comes with something for the base model.
    /// - Returns: The features; none for plain LoRA.
    package static func needed(for order: WorkOrder, residual: Bool) -> [TrainerFeature] {
        let assignment = order.assignment
        var needed: Set<TrainerFeature> = residual ? [.residual] : []
        if assignment.adapter.start != nil { needed.insert(.adapterKinds) }
        if order.id.kind == .train {
            if [.a, .b].contains(assignment.rules.scope.trained) { needed.insert(.frozenFactors) }
            if assignment.rules.usesControlVariates { needed.insert(.controlVariates) }
            if (assignment.rules.pruning?.penalty ?? 0) > 0 { needed.insert(.rankPruning) }
            if assignment.training.proximalMu > 0 { needed.insert(.proximal) }
            if assignment.training.loraPlusRatio != 1 { needed.insert(.loraPlus) }
        }
        return allCases.filter(needed.contains)
    }
}
