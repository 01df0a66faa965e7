import Adapters
import LinearAlgebra
import TestSupport
import Testing

@testable import Aggregation

/// Robust rules and optimizers on PEFT directories, without a federation.
@Suite(.tags(.numerics))
struct RobustOfflineTests {
    private func directory(a: [[Float]], b: [[Float]]) -> PEFTDirectory {
        PEFTDirectory(
            configuration: PEFTConfiguration(rank: a.count, alpha: Double(a.count), targetModules: .names(["q"])),
            adapter: LoRAAdapter(modules: ["q": LoRAModule(a: Matrix(a), b: Matrix(b), alpha: Double(a.count))])
        )
    }

    private func contributions(_ directories: [PEFTDirectory]) -> [OfflineAggregation.Contribution] {
        directories.enumerated().map { index, directory in
            OfflineAggregation.Contribution(client: ClientID("\(index)"), weight: 1) { directory }
        }
    }

    /// Products [1, 0], [1.1, 0], [1.2, 0] and [0, 1000], of ranks 1, 2, 1 and 1; without a global adapter they are the
    /// changes.
    @Test("leaves out the adapter that is far from all others, at mixed ranks")
    func krum() throws {
        let adapters = [
            directory(a: [[1, 0]], b: [[1]]),
            directory(a: [[1, 0], [0.1, 0]], b: [[1, 1]]),
            directory(a: [[-1.2, 0]], b: [[-1]]),
            directory(a: [[0, 1000]], b: [[1]]),
            directory(a: [[1.1, 0]], b: [[1]]),
        ]
        let outcome = try OfflineAggregation(
            strategy: FlexLoRA(mode: .state),
            contributions: contributions(adapters),
            robustRule: Krum(byzantine: 1)
        )
        .outcome(atRanks: [1])
        let product = try #require(outcome.adapters.first?.adapter.modules["q"]).product.elements
        // The two at 1.1 have the lowest score; the first of them by name is kept.
        #expect(abs(product[0] - 1.1) < 1e-6 && abs(product[1]) < 1e-6)
    }

    @Test("takes an optimizer's first step from the global adapter, and needs one")
    func optimizer() throws {
        let global = directory(a: [[1, 0]], b: [[1]])
        let aggregation = OfflineAggregation(
            strategy: FedAvg(),
            contributions: contributions([directory(a: [[2, 0]], b: [[1]]), directory(a: [[4, 0]], b: [[1]])]),
            optimizer: .fedAvgM(learningRate: 0.5)
        )
        let next = try #require(try aggregation.outcome(atRanks: [], global: global).adapters.first)
        #expect(next.adapter.modules["q"]?.a == Matrix([[2, 0]]))
        let error = #expect(throws: AggregationError.self) { try aggregation.outcome(atRanks: []) }
        #expect(error?.description.contains("no global adapter") == true)
    }

    @Test("refuses stages that do not go with the strategy")
    func refusals() throws {
        let adapters = contributions([directory(a: [[1, 0]], b: [[1]])])
        #expect(throws: AggregationError.self) {
            try OfflineAggregation(
                strategy: FlexLoRA(),
                contributions: adapters,
                robustRule: CoordinateStatistic(.median)
            )
            .outcome(atRanks: [])
        }
        #expect(throws: AggregationError.self) {
            try OfflineAggregation(
                strategy: FlexLoRA(),
                contributions: adapters,
                optimizer: .fedAdam(learningRate: 0.1)
            )
            .outcome(atRanks: [])
        }
    }
}
