import Adapters
import Aggregation
import LinearAlgebra
import TestSupport
import Testing

struct CohortAggregationTests {
    @Test("combines in the order of the clients' names, whatever the order of the updates")
    func order() throws {
        var cohort = Cohort(rank: 2)
        let updates = try ["b", "a", "c", "Z"].map { try cohort.update($0, rank: 2, weight: 1, of: FedAvg()) }
        let aggregation = CohortAggregation(strategy: FedAvg())
        let next = try aggregation.nextGlobal(from: cohort.global, updates: updates)
        #expect(try next == aggregation.nextGlobal(from: cohort.global, updates: updates.reversed()))
    }

    @Test("makes a blank global adapter with the largest rank and that client's α")
    func blank() throws {
        let ranks = [("a", 2, 16.0), ("b", 6, 12), ("c", 6, 8)]
        let updates = ranks.map { name, rank, alpha in
            ClientUpdate(client: ClientID(name), weight: 1, adapter: Cohort(rank: rank, alpha: alpha).global)
        }
        let blank = try LoRAAdapter(blankFor: updates.reversed())
        for module in blank.modules.values {
            #expect(module.rank == 6 && module.alpha == 12)
            #expect(module.b.frobeniusNorm == 0 && module.a.frobeniusNorm > 0)
        }
        #expect(blank.savedTensors["head.weight"]?.shape == [2, 3])
        #expect(try LoRAAdapter(blankFor: updates) == blank)
        #expect(
            try LoRAAdapter(blankFor: updates, minimumRank: 9, alpha: 3).modules.values.allSatisfy {
                $0.rank == 9 && $0.alpha == 3
            }
        )
        #expect(throws: AggregationError.nothingToAggregate) { try LoRAAdapter(blankFor: []) }
    }
}
