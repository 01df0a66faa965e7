import Adapters
import Aggregation
import LinearAlgebra
import TestSupport
import Testing

@Suite(.tags(.numerics))
struct FedSVDTests {
    @Test("moves the length of A to B and orients both by the sign rule")
    func golden() throws {
        let module = LoRAModule(a: Matrix([[2, 0]]), b: Matrix([[3], [4]]), alpha: 1)
        let next = try WorkedExample.next(FedSVD(), WorkedExample.updates([module], weights: [1]), from: module)
        #expect(try #require(next.modules["layer"]).b.deviation(from: [[6], [8]]) < 1e-6)
        #expect(try #require(next.modules["layer"]).a.deviation(from: [[1, 0]]) < 1e-6)
    }

    @Test("makes A alone orthonormal where B is zero, and keeps one that is")
    func zero() throws {
        var module = LoRAModule(a: Matrix([[-3, 0, 4], [5, 0, 0]]), b: Matrix(rows: 2, columns: 2), alpha: 1)
        for _ in 0..<3 {
            let next = try WorkedExample.next(FedSVD(), WorkedExample.updates([module], weights: [1]), from: module)
            module = try #require(next.modules["layer"])
            #expect(module.b == Matrix(rows: 2, columns: 2))
            // Each row keeps its direction as far as the rows before it allow: 5·(1, 0, 0) less its part along the first.
            #expect(module.a.deviation(from: [[-0.6, 0, 0.8], [0.8, 0, 0.6]]) < 1e-6)
        }
    }

    @Test("starts a job with orthonormal rows, and has them after every round")
    func orthonormal() throws {
        var cohort = Cohort(rank: 5)
        let start = try FedSVD().start(from: cohort.global, seed: 1)
        #expect(start.distance(to: cohort.global) < 1e-6)
        cohort.global = start
        let updates = try (1...3).map { try cohort.update("\($0)", rank: 5, weight: 1, of: FedSVD()) }
        let next = try CohortAggregation(strategy: FedSVD()).nextGlobal(from: cohort.global, updates: updates)
        for module in Array(start.modules.values) + next.modules.values {
            #expect(module.a.transposed().deviationFromOrthonormalColumns < 1e-6)
        }
    }
}
