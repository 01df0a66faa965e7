import Adapters
import Aggregation
import LinearAlgebra
import TestSupport
import Testing

@Suite(.tags(.numerics))
struct RBLATests {
    @Test("divides every component by the weight of its owners")
    func golden() throws {
        let next = try WorkedExample.next(RBLA(), WorkedExample.unscaled)
        let module = try #require(next.modules["layer"])
        #expect(module.b.deviation(from: [[0.25, 1], [1.25, 0], [0.75, 1]]) < 1e-6)
        #expect(module.a.deviation(from: [[1, 0.75], [0, 2]]) < 1e-6)
    }

    @Test("keeps a component that nobody sent")
    func unowned() throws {
        let global = WorkedExample.second(alpha: 2)
        let update = WorkedExample.updates([WorkedExample.first(alpha: 1)], weights: [7])
        let next = try WorkedExample.next(RBLA(), update, from: global)
        let module = try #require(next.modules["layer"])
        #expect(module.b.deviation(from: [[1, 1], [2, 0], [0, 1]]) < 1e-6)
        #expect(module.a.deviation(from: [[1, 0], [0, 2]]) < 1e-6)
    }

    @Test("averages factors as fedavg does where ranks are equal")
    func equalRanks() throws {
        var cohort = Cohort(rank: 3)
        let updates = try (1...3).map { try cohort.update("\($0)", rank: 3, weight: Double($0), of: RBLA()) }
        let owners = try CohortAggregation(strategy: RBLA()).nextGlobal(from: cohort.global, updates: updates)
        let averaged = try CohortAggregation(strategy: FedAvg()).nextGlobal(from: cohort.global, updates: updates)
        #expect(owners.distance(to: averaged) < 1e-6)
    }
}
