import LinearAlgebra
import TestSupport
import Testing

@testable import Aggregation

@Suite(.tags(.numerics))
struct KrumTests {
    private func scores(_ points: [Double], byzantine: Int) -> [Double] {
        let changes = InnerProducts(of: points.map { [$0] })
        return Krum.scores(of: Array(points.indices), in: changes, byzantine: byzantine)
    }

    private func verdict(_ rule: Krum, _ points: [[Double]]) -> [Double]? {
        let weights = [Double](repeating: 1 / Double(points.count), count: points.count)
        return rule.verdict(weights: weights, changes: InnerProducts(of: points)).weights
    }

    /// By hand: the squares of the distances to the two nearest others.
    @Test("scores points by their squared distances to the nearest others")
    func golden() {
        let found = scores([0, 0.1, 0.3, 0.35, 10], byzantine: 1)
        for (found, expected) in zip(found, [0.10, 0.05, 0.0425, 0.065, 9.7 * 9.7 + 9.65 * 9.65]) {
            #expect(abs(found - expected) < 1e-12)
        }
        #expect(verdict(Krum(byzantine: 1), [[0], [0.1], [0.3], [0.35], [10]]) == [0, 0, 1, 0, 0])
    }

    @Test("keeps the mean of the n − f − 2 best scores in multi-Krum")
    func multi() {
        #expect(
            verdict(Krum(byzantine: 1, keeping: .nearest), [[0], [0.1], [0.3], [0.35], [10]]) == [0, 0.5, 0.5, 0, 0]
        )
    }

    @Test("takes the first client of equal scores")
    func ties() {
        // Two mirrored pairs and their middle: the pairs tie, and clients 1 and 3 send the same.
        #expect(verdict(Krum(byzantine: 0), [[-1], [1], [-1], [1]]) == [1, 0, 0, 0])
        #expect(verdict(Krum(byzantine: 1), [[9], [2], [1], [2], [1]])?.firstIndex(of: 1) == 1)
    }

    @Test("keeps duplicates at a distance of exactly zero, however long they are")
    func duplicates() {
        let long = [1e8, -3e7, 0.1]
        let changes = InnerProducts(of: [long, long, [1, 2, 3]])
        #expect(changes.squaredDistance(0, 1) == 0)
        #expect(changes.squaredDistance(2, 0) == changes.squaredDistance(0, 2))
    }

    struct Attack: Sendable, CustomTestStringConvertible {
        let name: String
        let change: @Sendable (_ honest: [Double]) -> [Double]
        var testDescription: String { name }
    }

    static let attacks = [
        Attack(name: "sign flip") { $0.map { -$0 } },
        Attack(name: "a scaled change") { $0.map { 1000 * $0 } },
        Attack(name: "a scaled sign flip") { $0.map { -1e6 * $0 } },
        Attack(name: "a huge constant") { $0.map { _ in 1e30 } },
    ]

    @Test("never selects one of f attackers", arguments: attacks, [Krum.Kept.one, .nearest])
    func breakdown(_ attack: Attack, _ kept: Krum.Kept) throws {
        var generator = CounterGenerator(seed: 3)
        let direction = (0..<40).map { _ in generator.gaussian() }
        let honest = (0..<8).map { _ in direction.map { $0 + 0.3 * generator.gaussian() } }
        let wrong = (0..<3).map { attack.change(honest[$0]) }
        let weights = try #require(verdict(Krum(byzantine: 3, keeping: kept), wrong + honest))
        #expect(weights.prefix(3).allSatisfy { $0 == 0 })
        #expect(abs(weights.reduce(0, +) - 1) < 1e-12)
    }

    @Test("selects the same clients in whatever order they are listed")
    func order() throws {
        var generator = CounterGenerator(seed: 4)
        let points = (0..<9).map { _ in (0..<5).map { _ in generator.gaussian() } }
        let chosen = try #require(verdict(Krum(byzantine: 2, keeping: .nearest), points))
        let order = Array(points.indices).shuffled(using: &generator)
        let shuffled = try #require(verdict(Krum(byzantine: 2, keeping: .nearest), order.map { points[$0] }))
        #expect(shuffled == order.map { chosen[$0] })
    }

    @Test("needs 2f + 3 updates")
    func minimum() {
        #expect(Krum(byzantine: 0).minimumUpdates == 3)
        #expect(Krum(byzantine: 2).minimumUpdates == 7)
    }

    @Test("agrees with NumPy on random points")
    func reference() throws {
        for test in try RobustReference.load().vectors {
            let scores = Krum.scores(of: Array(test.vectors.indices), in: test.changes, byzantine: test.byzantine)
            #expect(largestDifference(scores, test.scores) < 1e-9)
            let krum = Krum(byzantine: test.byzantine).verdict(weights: test.shares, changes: test.changes)
            #expect(largestDifference(try #require(krum.weights), test.krum) == 0)
            let multi = Krum(byzantine: test.byzantine, keeping: .nearest)
                .verdict(weights: test.shares, changes: test.changes)
            #expect(largestDifference(try #require(multi.weights), test.multiKrum) < 1e-9)
        }
    }
}
