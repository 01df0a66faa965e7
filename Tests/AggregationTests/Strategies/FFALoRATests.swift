import Adapters
import Aggregation
import LinearAlgebra
import TestSupport
import Testing

@Suite(.tags(.numerics))
struct FFALoRATests {
    @Test("averages products exactly, for any A and with an α for each client")
    func exact() throws {
        let a = Matrix([[3, 1, -2]])
        let modules = [
            LoRAModule(a: a, b: Matrix([[1], [2]]), alpha: 1),
            LoRAModule(a: a, b: Matrix([[-1], [4]]), alpha: 3),
        ]
        let updates = WorkedExample.updates(modules, weights: [1, 3])
        let next = try WorkedExample.next(FFALoRA(), updates, from: modules[0])
        // B = ¼(1, 2) + ¾·3·(−1, 4) = (−2, 9.5).
        #expect(try #require(next.modules["layer"]).b.deviation(from: [[-2], [9.5]]) < 1e-6)
        #expect(next.modules["layer"]?.a == a)
    }

    @Test("does not lose the covariance that averaging both factors loses")
    func againstFedAvg() throws {
        var cohort = Cohort(rank: 4)
        let updates = try (1...3).map { try cohort.update("\($0)", rank: 4, weight: 1, of: FFALoRA()) }
        let frozen = try CohortAggregation(strategy: FFALoRA()).nextGlobal(from: cohort.global, updates: updates)
        let averaged = try CohortAggregation(strategy: FedAvg()).nextGlobal(from: cohort.global, updates: updates)
        // With one A the covariance is zero: all exact strategies agree, and the averaging of factors with them.
        #expect(frozen.distance(to: averaged) < 1e-6)
    }
}
