import LinearAlgebra
import TestSupport
import Testing

@testable import Aggregation

@Suite(.tags(.numerics))
struct BulyanTests {
    /// By hand, with f = 1 and four neighbours each: 0.2 has the lowest score, 0.04 + 0.01 + 0.01 + 0.04.
    ///
    /// The attacker at 50 is measured against honest clients every time and never taken.
    @Test("takes the winner of Krum out, and asks Krum again")
    func selection() {
        let points = [0, 0.1, 0.2, 0.3, 0.4, 0.9, 50].map { [$0] }
        let selected = Bulyan(byzantine: 1).selected(in: InnerProducts(of: points))
        #expect(selected.count == 5)
        #expect(!selected.contains(6))
        #expect(selected.first == 2)
    }

    @Test("combines the n − 4f selected values that are nearest to their median")
    func verdict() {
        let points = (0..<11).map { [Double($0)] }
        let weights = [Double](repeating: 1 / 11, count: 11)
        let verdict = Bulyan(byzantine: 2).verdict(weights: weights, changes: InnerProducts(of: points))
        guard case .coordinates(.nearestToMedian(let count), let members) = verdict else {
            Issue.record("\(verdict)")
            return
        }
        #expect(count == 3)
        #expect(members.count == 7)
        #expect(members == members.sorted())
    }

    @Test("averages all clients when none may be wrong")
    func withoutAttackers() {
        let verdict = Bulyan(byzantine: 0)
            .verdict(weights: [0.25, 0.25, 0.5], changes: InnerProducts(of: [[1], [2], [9]]))
        #expect(verdict == .coordinates(.nearestToMedian(count: 3), members: [0, 1, 2]))
    }

    @Test("needs 4f + 3 updates")
    func minimum() {
        #expect(Bulyan(byzantine: 2).minimumUpdates == 11)
    }

    @Test("agrees with NumPy on random points")
    func reference() throws {
        var compared = 0
        for test in try RobustReference.load().vectors {
            guard let expected = test.bulyan, let selection = test.bulyanSelection else { continue }
            let rule = Bulyan(byzantine: test.byzantine)
            #expect(rule.selected(in: test.changes) == selection)
            let verdict = rule.verdict(weights: test.shares, changes: test.changes)
            guard case .coordinates(let coordinates, let members) = verdict else {
                Issue.record("\(verdict)")
                continue
            }
            let combined = CoordinateCombination(rule: coordinates, count: members.count).combine(
                members.map { StoredMatrix(Matrix([test.vectors[$0]])) },
                scaledBy: members.map { _ in 1 },
                threads: 1
            )
            // One rounding to 32 bits.
            #expect(largestDifference(combined.elements.map(Double.init), expected) < 1e-7)
            compared += 1
        }
        #expect(compared > 1)
    }
}
