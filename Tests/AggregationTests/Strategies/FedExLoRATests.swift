import Adapters
import Aggregation
import LinearAlgebra
import TestSupport
import Testing

/// Two clients of rank 1 and equal weight; α = 1.
@Suite(.tags(.numerics))
struct FedExLoRATests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let second: LoRAModule
        let residual: [[Double]]
        var testDescription: String { name }
    }

    static let first = LoRAModule(a: Matrix([[1, 0]]), b: Matrix([[1], [0]]), alpha: 1)

    static let cases = [
        Case(
            name: "orthogonal clients",
            second: LoRAModule(a: Matrix([[0, 1]]), b: Matrix([[0], [1]]), alpha: 1),
            residual: [[0.25, -0.25], [-0.25, 0.25]]
        ),
        Case(
            name: "clients that agree in part",
            second: LoRAModule(a: Matrix([[1, 1]]), b: Matrix([[2], [1]]), alpha: 1),
            residual: [[0, 0.25], [0, 0.25]]
        ),
    ]

    @Test("folds the covariance of the factors into the base model", arguments: cases)
    func golden(_ test: Case) throws {
        let updates = WorkedExample.updates([Self.first, test.second], weights: [1, 1])
        let next = try WorkedExample.next(FedExLoRA(), updates)
        #expect(try #require(next.residual["layer"]).product.deviation(from: test.residual) < 1e-7)
        let averaged = try WorkedExample.next(FedAvg(), updates)
        #expect(next.modules == averaged.modules)
        var mean = ReferenceMatrix(rows: 2, columns: 2)
        for update in updates {
            let module = try #require(update.resident.modules["layer"])
            mean.add(module.b, module.a, scaledBy: 0.5)
        }
        #expect(try #require(next.change(at: "layer")).relativeDistance(to: mean) < 1e-6)
    }

    @Test("leaves one client's adapter to itself")
    func oneClient() throws {
        let next = try WorkedExample.next(FedExLoRA(), WorkedExample.updates([Self.first], weights: [3]))
        #expect(next.residual.isEmpty)
        #expect(next.modules["layer"] == Self.first)
    }

    @Test("needs (N−1)·r components for N clients")
    func rankOfResidual() throws {
        var cohort = Cohort(rank: 2)
        let updates = try (1...4).map { try cohort.update("\($0)", rank: 2, weight: 1, of: FedExLoRA()) }
        let next = try CohortAggregation(strategy: FedExLoRA()).nextGlobal(from: cohort.global, updates: updates)
        #expect(next.residual["layer.0.query"]?.rank == 6)
    }
}
