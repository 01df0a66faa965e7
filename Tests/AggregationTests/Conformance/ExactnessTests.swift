import Adapters
import Aggregation
import LinearAlgebra
import TestSupport
import Testing

/// Different ways to the same Σ w·s·BA.
@Suite(.tags(.numerics))
struct ExactnessTests {
    init() {
        BLASThreads.useCallingThreadOnly()
    }

    private func expectAgreement(
        of strategies: [any AggregationStrategy],
        from global: LoRAAdapter,
        _ updates: [ClientUpdate],
        round: RoundContext = .first
    ) throws {
        for strategy in strategies {
            let next = try CohortAggregation(strategy: strategy)
                .nextGlobal(from: global, updates: updates, round: round)
            for (path, module) in global.modules {
                let exact = Oracle.meanOfProducts.product(of: path, from: module, updates)
                let found = try #require(next.change(at: path))
                #expect(found.relativeDistance(to: exact) < 1e-6, "\(strategy.profile.name), \(path)")
            }
        }
    }

    @Test("a stack, means and their residual, and a new split come to the same model where ranks are equal")
    func equalRanks() throws {
        // Rank 11 is complete for both layers, so that nothing has to be cut.
        var cohort = Cohort(rank: 11)
        let updates = try (1...3).map { try cohort.update("\($0)", rank: 11, weight: Double($0), of: FedAvg()) }
        try expectAgreement(
            of: [FlexLoRA(mode: .state), FlexLoRA(mode: .delta), FLoRA(), FedExLoRA(), RaFLoRA()],
            from: cohort.global,
            updates
        )
    }

    @Test("a stack and a new split come to the same model from B = 0, at mixed ranks")
    func mixedRanks() throws {
        var cohort = Cohort(rank: 11)
        for (path, module) in cohort.global.modules {
            cohort.global.modules[path]?.b = Matrix(rows: module.outputWidth, columns: 11)
        }
        let updates = try [3, 11, 6].map { try cohort.update("\($0)", rank: $0, weight: Double($0), of: FLoRA()) }
        try expectAgreement(
            of: [FlexLoRA(mode: .state), FlexLoRA(mode: .delta), FLoRA()],
            from: cohort.global,
            updates
        )
    }

    @Test("with one A for all, averaging factors is exact as well")
    func fixedA() throws {
        var cohort = Cohort(rank: 4)
        let updates = try (1...3).map { try cohort.update("\($0)", rank: 4, weight: Double($0), of: FFALoRA()) }
        try expectAgreement(
            of: [FFALoRA(), FedSVD(), RoLoRA(), FedAvg(), FedExLoRA(), LoRAFAIR(), RBLA()],
            from: cohort.global,
            updates
        )
    }
}
