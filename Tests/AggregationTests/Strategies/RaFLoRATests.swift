import Adapters
import Aggregation
import LinearAlgebra
import TestSupport
import Testing

@Suite(.tags(.numerics))
struct RaFLoRATests {
    @Test("averages each partition over the clients that reach it")
    func golden() throws {
        let next = try WorkedExample.next(RaFLoRA(), WorkedExample.oneAlpha)
        let module = try #require(next.modules["layer"])
        #expect(module.product.deviation(from: [[0.5, 2], [1.75, 0.75], [0.75, 2.75]]) < 1e-6)
        // Rows of A are orthonormal, so the columns of B are as long as the singular values.
        let lengths = (0..<2).map { component in
            (0..<3).reduce(0.0) { $0 + Double(module.b[$1, component]) * Double(module.b[$1, component]) }.squareRoot()
        }
        #expect(abs(lengths[0] - 3.7433951) < 1e-6 && abs(lengths[1] - 1.4096075) < 1e-6)
    }

    /// Ranks 2 and 4: R of a rank-4 client may mix components 1 and 2, and 3 and 4, but not 2 and 3.
    @Test("does not see a change of gauge within the partitions")
    func gaugeWithinPartitions() throws {
        var cohort = Cohort(rank: 4)
        let updates = try [2, 4, 4].enumerated().map {
            try cohort.update("\($0.offset)", rank: $0.element, weight: 1, of: RaFLoRA())
        }
        let expected = try CohortAggregation(strategy: RaFLoRA()).nextGlobal(from: cohort.global, updates: updates)
        func mixed(_ rotation: Matrix) throws -> Double {
            var adapter = updates[1].resident
            for (path, module) in adapter.modules {
                adapter.modules[path]?.a = rotation * module.a
                adapter.modules[path]?.b = module.b.timesTransposed(rotation)
            }
            let others = [updates[0], updates[1].replacingAdapter(by: adapter), updates[2]]
            return try CohortAggregation(strategy: RaFLoRA())
                .nextGlobal(from: cohort.global, updates: others)
                .distance(to: expected)
        }
        let within = Matrix([[0.6, 0.8, 0, 0], [-0.8, 0.6, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]])
        #expect(try mixed(within) < 2e-6)
        let across = Matrix([[1, 0, 0, 0], [0, 0.6, 0.8, 0], [0, -0.8, 0.6, 0], [0, 0, 0, 1]])
        #expect(try mixed(across) > 0.01)
    }

    @Test("is flexlora where ranks are equal")
    func equalRanks() throws {
        var cohort = Cohort(rank: 3)
        let updates = try (1...3).map { try cohort.update("\($0)", rank: 3, weight: Double($0), of: RaFLoRA()) }
        let owners = try CohortAggregation(strategy: RaFLoRA()).nextGlobal(from: cohort.global, updates: updates)
        let flex = try CohortAggregation(strategy: FlexLoRA(mode: .state))
            .nextGlobal(from: cohort.global, updates: updates)
        #expect(owners.distance(to: flex) < 1e-6)
    }
}
