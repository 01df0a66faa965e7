import Adapters
import Aggregation
import LinearAlgebra
import TestSupport
import Testing

/// A strategy, and what the conformance suite may expect of it.
///
/// A new strategy joins with one line in ``all``.
struct StrategyUnderTest: Sendable, CustomTestStringConvertible {
    let name: String
    let strategy: any AggregationStrategy
    /// What the product of each module would be, were ranks no limit: the oracle.
    let oracle: Oracle
    /// Whether clients may train at lower ranks than the global adapter's.
    var takesMixedRanks = true
    /// Whether a round without training changes nothing even where ranks differ.
    var isFixedPointAtMixedRanks = true
    /// Whether factors and their gauge are forgotten: only products count.
    var seesProductsOnly = true

    static let all = [
        Self(
            name: "fedavg",
            strategy: FedAvg(),
            oracle: .productOfMeans,
            takesMixedRanks: false,
            seesProductsOnly: false
        ),
        Self(
            name: "flexlora, state",
            strategy: FlexLoRA(mode: .state),
            oracle: .meanOfProducts,
            isFixedPointAtMixedRanks: false
        ),
        Self(name: "flexlora, delta", strategy: FlexLoRA(mode: .delta), oracle: .meanOfChanges),
        Self(
            name: "the article's example",
            strategy: BalancedMean(),
            oracle: .meanOfProducts,
            isFixedPointAtMixedRanks: false
        ),
    ]

    var testDescription: String { name }

    /// Checks one update as a round does when it arrives.
    func check(_ update: ClientUpdate, against global: LoRAAdapter) throws(AggregationError) {
        try CohortAggregation(strategy: strategy).check(update, against: global, round: .first)
    }

    /// Runs one aggregation.
    func next(
        from global: LoRAAdapter,
        _ updates: [ClientUpdate],
        threads: Int = 1
    ) throws(AggregationError) -> LoRAAdapter {
        try CohortAggregation(strategy: strategy, threads: threads).nextGlobal(from: global, updates: updates)
    }
}

/// What a strategy combines, computed in 64 bits from the definition.
enum Oracle: Sendable {
    /// s·(Σ wB)(Σ wA).
    case productOfMeans
    /// Σ w·s·BA.
    case meanOfProducts
    /// G + Σ w·(s·BA − the first components of G).
    case meanOfChanges

    /// Returns the product of the module at `path` after the round.
    func product(of path: String, from global: LoRAModule, _ updates: [ClientUpdate]) -> ReferenceMatrix {
        let total = updates.reduce(0) { $0 + $1.weight }
        var result = ReferenceMatrix(rows: global.outputWidth, columns: global.inputWidth)
        if case .meanOfChanges = self {
            result.add(global.b, global.a, scaledBy: global.scaling)
        }
        var meanOfB = Matrix(rows: global.outputWidth, columns: global.rank)
        var meanOfA = Matrix(rows: global.rank, columns: global.inputWidth)
        for update in updates {
            guard let module = update.adapter.modules[path]?.resident() else { continue }
            let weight = update.weight / total
            switch self {
            case .productOfMeans:
                meanOfB.add(module.b, scaledBy: Float(weight * module.scaling / global.scaling))
                meanOfA.add(module.a, scaledBy: Float(weight))
            case .meanOfProducts:
                result.add(module.b, module.a, scaledBy: weight * module.scaling)
            case .meanOfChanges:
                result.add(module.b, module.a, scaledBy: weight * module.scaling)
                result.add(
                    global.b.firstColumns(module.rank),
                    global.a.firstRows(module.rank),
                    scaledBy: -weight * global.scaling
                )
            }
        }
        if case .productOfMeans = self {
            result.add(meanOfB, meanOfA, scaledBy: global.scaling)
        }
        return result
    }
}
