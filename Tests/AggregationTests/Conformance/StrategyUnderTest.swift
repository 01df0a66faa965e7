import Adapters
import Aggregation
import LinearAlgebra
import TestSupport
import Testing

/// A strategy, and what the conformance suite may expect of it beside its profile.
///
/// A new strategy joins with one line in ``all``.
struct StrategyUnderTest: Sendable, CustomTestStringConvertible {
    /// What becomes of a change of gauge, (B, A) → (BR⁻¹, RA).
    enum Gauge: Sendable {
        /// Nothing: only products count.
        case unseen
        /// Another result.
        case seen
        /// The update is refused, because a factor that had to stay frozen differs.
        case refused
    }

    let name: String
    let strategy: any AggregationStrategy
    /// What the whole model would change by, were ranks no limit.
    let oracle: Oracle
    let gauge: Gauge
    var round = RoundContext.first
    /// What is left of the second component of G = diag(2, 1) after one, two and three rounds without training, where
    /// one of two clients has rank 1.
    var secondComponent = [1.0, 1, 1]

    static let all = [
        Self(name: "fedavg", strategy: FedAvg(), oracle: .productOfMeans, gauge: .seen),
        Self(name: "ffa-lora", strategy: FFALoRA(), oracle: .meanOfProducts, gauge: .refused),
        Self(
            name: "flexlora, state",
            strategy: FlexLoRA(mode: .state),
            oracle: .meanOfProducts,
            gauge: .unseen,
            secondComponent: [0.5, 0.25, 0.125]
        ),
        Self(name: "flexlora, delta", strategy: FlexLoRA(mode: .delta), oracle: .meanOfChanges, gauge: .unseen),
        Self(
            name: "hetlora",
            strategy: HetLoRA(),
            oracle: .meansByNorm,
            gauge: .seen,
            // p² of what was there, with p = ‖diag(2, x)‖/(2 + ‖diag(2, x)‖).
            secondComponent: [0.2786405, 0.0703313, 0.0175937]
        ),
        Self(name: "flora", strategy: FLoRA(), oracle: .meanOfChanges, gauge: .unseen),
        Self(name: "fedex-lora", strategy: FedExLoRA(), oracle: .meanOfProducts, gauge: .unseen),
        Self(name: "fedsa-lora", strategy: FedSALoRA(), oracle: .meanOfA, gauge: .seen),
        Self(name: "rolora, odd round", strategy: RoLoRA(), oracle: .meanOfProducts, gauge: .refused),
        Self(
            name: "rolora, even round",
            strategy: RoLoRA(),
            oracle: .meanOfProducts,
            gauge: .refused,
            round: RoundContext(number: 2)
        ),
        Self(name: "fedsvd", strategy: FedSVD(), oracle: .meanOfProducts, gauge: .refused),
        Self(name: "lora-fair", strategy: LoRAFAIR(), oracle: .ridge(0.01), gauge: .seen),
        Self(name: "rbla", strategy: RBLA(), oracle: .meansByOwner, gauge: .seen),
        Self(name: "raflora", strategy: RaFLoRA(), oracle: .productsByOwner, gauge: .seen),
        Self(name: "fed-sb", strategy: FedSB(), oracle: .meanOfProducts, gauge: .refused),
        Self(
            name: "the article's example",
            strategy: BalancedMean(),
            oracle: .meanOfProducts,
            gauge: .unseen,
            secondComponent: [0.5, 0.25, 0.125]
        ),
    ]

    var testDescription: String { name }

    /// Whether clients may train at lower ranks than the global adapter's.
    var takesMixedRanks: Bool { strategy.profile.ranks == .mixed }

    /// Whether the result is the best approximation of a product that may have more components than fit.
    var cutsProducts: Bool {
        strategy.profile.rebasesFactors && takesMixedRanks && !strategy.profile.changesBaseModel
    }

    /// The factors that clients must leave as they are.
    var trained: TrainedFactors { strategy.trainedFactors(inRound: round.number) }

    /// Checks one update as a round does when it arrives.
    func check(_ update: ClientUpdate, against global: LoRAAdapter) throws(AggregationError) {
        try CohortAggregation(strategy: strategy).check(update, against: global, round: round)
    }

    /// Runs one aggregation.
    func next(
        from global: LoRAAdapter,
        _ updates: [ClientUpdate],
        threads: Int = 1
    ) throws(AggregationError) -> LoRAAdapter {
        try CohortAggregation(strategy: strategy, threads: threads)
            .nextGlobal(from: global, updates: updates, round: round)
    }
}
