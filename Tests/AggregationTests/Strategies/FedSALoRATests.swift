import Adapters
import Aggregation
import LinearAlgebra
import TestSupport
import Testing

@Suite(.tags(.numerics))
struct FedSALoRATests {
    @Test("averages A, and leaves B and the head to the clients")
    func onlyA() throws {
        var cohort = Cohort(rank: 3)
        // Adapters that are combined offline hold every client's own B.
        let updates = try [1.0, 3].map {
            try cohort.update("\($0)", rank: 3, weight: $0, of: FedAvg())
        }
        let next = try CohortAggregation(strategy: FedSALoRA()).nextGlobal(from: cohort.global, updates: updates)
        let averaged = try CohortAggregation(strategy: FedAvg()).nextGlobal(from: cohort.global, updates: updates)
        for (path, module) in next.modules {
            #expect(module.a == averaged.modules[path]?.a)
            #expect(module.b == cohort.global.modules[path]?.b)
        }
        #expect(next.savedTensors == cohort.global.savedTensors)
    }

    @Test("lets clients train both factors and send one")
    func factors() {
        #expect(FedSALoRA().trainedFactors(inRound: 1) == .both)
        #expect(FedSALoRA().sentFactors(inRound: 1) == .a)
    }
}
