import Aggregation
import FederatedLearning
import TestSupport
import Testing

struct CohortSelectionTests {
    private let clients = (0..<20).map { ClientProfile(id: ClientID("silo-\($0)"), maximumRank: 8) }

    @Test("draws the same cohort from the same clients in any order")
    func orderIndependence() {
        let expected = CohortSelection.select(from: clients, count: 7, seed: 3, round: 2)
        for shift in clients.indices {
            let turned = Array(clients[shift...] + clients[..<shift])
            #expect(CohortSelection.select(from: turned, count: 7, seed: 3, round: 2) == expected)
            #expect(CohortSelection.select(from: turned.reversed(), count: 7, seed: 3, round: 2) == expected)
        }
        #expect(expected.count == 7)
        #expect(expected.map(\.id) == expected.map(\.id).sorted())
    }

    @Test("draws anew for another seed, round or attempt")
    func variation() {
        let first = CohortSelection.select(from: clients, count: 7, seed: 3, round: 2)
        #expect(CohortSelection.select(from: clients, count: 7, seed: 4, round: 2) != first)
        #expect(CohortSelection.select(from: clients, count: 7, seed: 3, round: 3) != first)
        #expect(CohortSelection.select(from: clients, count: 7, seed: 3, round: 2, attempt: 1) != first)
    }

    @Test("takes everybody, once, when fewer are there than asked for")
    func everybody() {
        let doubled = clients + clients
        #expect(CohortSelection.select(from: doubled, count: 50, seed: 1, round: 1).count == clients.count)
        #expect(CohortSelection.select(from: [], count: 3, seed: 1, round: 1).isEmpty)
    }

    @Test("draws every client equally often")
    func uniformity() {
        var counts: [ClientID: Int] = [:]
        let rounds = 4000
        for round in 1...rounds {
            for profile in CohortSelection.select(from: clients, count: 5, seed: 9, round: round) {
                counts[profile.id, default: 0] += 1
            }
        }
        // Binomial with p = 1/4: five standard deviations are 5·√(4000·¼·¾) ≈ 137.
        for client in clients {
            #expect(abs((counts[client.id] ?? 0) - rounds / 4) < 137)
        }
    }

    struct Count: Sendable, CustomTestStringConvertible {
        let size: Int
        let overselect: Double
        let expected: Int

        var testDescription: String { "\(size) × \(overselect)" }
    }

    @Test(
        "asks the cohort's size times the over-selection, rounded up",
        arguments: [
            Count(size: 4, overselect: 1, expected: 4), Count(size: 4, overselect: 1.1, expected: 5),
            Count(size: 10, overselect: 1.1, expected: 11), Count(size: 3, overselect: 1.5, expected: 5),
        ]
    )
    func counts(_ test: Count) {
        let cohort = JobConfiguration.Cohort(
            size: test.size,
            minimum: 1,
            deadline: .seconds(1),
            overselect: test.overselect
        )
        #expect(CohortSelection.count(of: cohort) == test.expected)
    }
}
