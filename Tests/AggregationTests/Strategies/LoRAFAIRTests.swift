import Adapters
import Aggregation
import LinearAlgebra
import TestSupport
import Testing

/// Two clients of rank 1 and equal weight; α = 1.
@Suite(.tags(.numerics))
struct LoRAFAIRTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let penalty: Double
        /// Both elements of D.
        let correction: Double
        var testDescription: String { "λ = \(penalty)" }
    }

    private let first = LoRAModule(a: Matrix([[1, 0]]), b: Matrix([[1], [0]]), alpha: 1)

    @Test(
        "moves B towards the mean of the products",
        arguments: [Case(penalty: 0, correction: 0.1), Case(penalty: 0.01, correction: 0.0992063)]
    )
    func golden(_ test: Case) throws {
        let second = LoRAModule(a: Matrix([[1, 1]]), b: Matrix([[2], [1]]), alpha: 1)
        let updates = WorkedExample.updates([first, second], weights: [1, 1])
        let next = try WorkedExample.next(LoRAFAIR(penalty: test.penalty), updates)
        let module = try #require(next.modules["layer"])
        #expect(module.b.deviation(from: [[1.5 + test.correction], [0.5 + test.correction]]) < 1e-6)
        #expect(module.a.deviation(from: [[1, 0.5]]) < 1e-6)
        guard test.penalty == 0 else { return }
        // The mean of the products is [[1.5, 1], [0.5, 0.5]]; averaging factors is off by 0.3535534.
        var difference = module.product
        for (index, value) in [1.5, 1, 0.5, 0.5].enumerated() { difference.elements[index] -= value }
        #expect(abs(difference.norm - 0.3162278) < 1e-6)
    }

    @Test("cannot help where what is lost is orthogonal to the mean of A")
    func orthogonal() throws {
        let second = LoRAModule(a: Matrix([[0, 1]]), b: Matrix([[0], [1]]), alpha: 1)
        let updates = WorkedExample.updates([first, second], weights: [1, 1])
        let next = try WorkedExample.next(LoRAFAIR(penalty: 0), updates)
        let averaged = try WorkedExample.next(FedAvg(), updates)
        #expect(next.distance(to: averaged) < 1e-6)
    }

    @Test("is never farther from the mean of the products than averaging factors")
    func improves() throws {
        var cohort = Cohort(rank: 4)
        let updates = try (1...3).map { try cohort.update("\($0)", rank: 4, weight: 1, of: FedAvg()) }
        func distances(_ strategy: any AggregationStrategy) throws -> [Double] {
            let next = try CohortAggregation(strategy: strategy).nextGlobal(from: cohort.global, updates: updates)
            return try cohort.global.modules.keys.sorted().map { path in
                let global = try #require(cohort.global.modules[path])
                let exact = Oracle.meanOfProducts.product(of: path, from: global, updates)
                return try #require(next.change(at: path)).relativeDistance(to: exact)
            }
        }
        for (corrected, averaged) in try zip(distances(LoRAFAIR()), distances(FedAvg())) {
            #expect(corrected < averaged)
        }
    }

    @Test("takes an A of zero, for which there is nothing to correct")
    func zero() throws {
        let module = LoRAModule(a: Matrix(rows: 1, columns: 2), b: Matrix([[1], [2]]), alpha: 1)
        let next = try WorkedExample.next(
            LoRAFAIR(penalty: 0),
            WorkedExample.updates([module, module], weights: [1, 1])
        )
        #expect(next.modules["layer"] == module)
    }
}
