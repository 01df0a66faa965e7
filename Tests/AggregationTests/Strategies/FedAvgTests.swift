import Adapters
import Aggregation
import LinearAlgebra
import TestSupport
import Testing

@Suite(.tags(.numerics))
struct FedAvgTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let b: [[Float]]
        let a: [[Float]]
        /// The product of the means.
        let expected: [Double]
        /// ‖mean of products − product of means‖.
        let error: Double
        var testDescription: String { name }
    }

    /// Two clients of rank 1 and equal weight; α = 1.
    static let cases = [
        Case(
            name: "orthogonal clients",
            b: [[1, 0], [0, 1]],
            a: [[1, 0], [0, 1]],
            expected: [0.25, 0.25, 0.25, 0.25],
            error: 0.5
        ),
        Case(
            name: "clients that agree in part",
            b: [[1, 0], [2, 1]],
            a: [[1, 0], [1, 1]],
            expected: [1.5, 0.75, 0.5, 0.25],
            error: 0.3535534
        ),
        Case(
            name: "one client in the opposite gauge",
            b: [[1, 2], [-1, -2]],
            a: [[3, 1], [-3, -1]],
            expected: [0, 0, 0, 0],
            error: 50.0.squareRoot()
        ),
    ]

    @Test("multiplies the means, and misses the covariance of the factors", arguments: cases)
    func examples(_ test: Case) throws {
        let modules = zip(test.b, test.a).map { b, a in
            LoRAModule(a: Matrix([a]), b: Matrix(b.map { [$0] }), alpha: 1)
        }
        let updates = modules.enumerated().map {
            ClientUpdate(
                client: ClientID("\($0.offset)"),
                weight: 1,
                adapter: LoRAAdapter(modules: ["layer": $0.element])
            )
        }
        let aggregation = CohortAggregation(strategy: FedAvg())
        let next = try aggregation.nextGlobal(from: updates[0].resident, updates: updates)
        let product = try #require(next.modules["layer"]).product
        for (found, expected) in zip(product.elements, test.expected) {
            #expect(abs(found - expected) < 1e-7)
        }
        var mean = ReferenceMatrix(rows: 2, columns: 2)
        for module in modules {
            mean.add(module.b, module.a, scaledBy: 0.5)
        }
        var difference = mean
        for index in 0..<4 {
            difference.elements[index] -= product.elements[index]
        }
        #expect(abs(difference.norm - test.error) < 1e-6)
    }

    /// Σ wBA − (Σ wB)(Σ wA) = Σ w(B − B̄)(A − Ā): what averaging factors loses against averaging products.
    @Test("differs from the exact mean by the covariance of the factors")
    func covariance() throws {
        var cohort = Cohort(rank: 9)
        let updates = try (1...3).map {
            try cohort.update("client-\($0)", rank: 9, weight: Double($0), of: FedAvg())
        }
        let means = try CohortAggregation(strategy: FedAvg()).nextGlobal(from: cohort.global, updates: updates)
        let mean = try #require(means.modules["layer.1.value"])
        var sum = mean.product
        for update in updates {
            let module = try #require(update.resident.modules["layer.1.value"])
            sum.add(module.b - mean.b, module.a - mean.a, scaledBy: update.weight / 6 * module.scaling)
        }
        let exact = try CohortAggregation(strategy: FlexLoRA(mode: .state))
            .nextGlobal(from: cohort.global, updates: updates)
        #expect(try #require(exact.modules["layer.1.value"]).product.relativeDistance(to: sum) < 1e-6)
    }

    @Test("is off the mean of the products in the worked example, with the first client padded with zeros")
    func padded() throws {
        let padded = LoRAModule(a: Matrix([[1, 0], [0, 0]]), b: Matrix([[1, 0], [2, 0], [0, 0]]), alpha: 2)
        let updates = WorkedExample.updates([padded, WorkedExample.second(alpha: 2)], weights: [1, 3])
        let next = try WorkedExample.next(FedAvg(), updates)
        let product = try #require(next.modules["layer"]).product
        #expect(product.deviation(from: [[0.25, 1.3125], [1.25, 0.9375], [0.75, 1.6875]]) < 1e-6)
    }

    @Test("hands out no rank but the one that everyone trains at")
    func ranks() throws {
        let global = Cohort(rank: 4).global
        #expect(throws: AggregationError.invalidRank(2, offered: 4...4)) {
            try FedAvg().adapter(forRank: 2, from: global)
        }
    }
}
