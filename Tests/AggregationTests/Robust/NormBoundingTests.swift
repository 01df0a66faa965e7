import TestSupport
import Testing

@testable import Aggregation

@Suite(.tags(.numerics))
struct NormBoundingTests {
    private func scales(_ bound: NormBounding.Bound, lengths: [Double]) -> [Double]? {
        let weights = [Double](repeating: 1 / Double(lengths.count), count: lengths.count)
        return NormBounding(bound).verdict(weights: weights, changes: InnerProducts(of: lengths.map { [$0] })).scales
    }

    @Test("shrinks what is longer than the bound to the bound, and nothing else")
    func fixed() {
        #expect(scales(.fixed(2), lengths: [1, 2, 4, 0]) == [1, 1, 0.5, 1])
    }

    @Test("takes the median of the lengths for a bound")
    func median() {
        #expect(scales(.median, lengths: [1, 8, 2]) == [1, 0.25, 1])
        // Of an even number, the mean of the two in the middle: 3.
        #expect(scales(.median, lengths: [1, 2, 4, 12]) == [1, 1, 0.75, 0.25])
    }

    @Test("keeps an attacker within the bound, however far it goes", arguments: [1e3, 1e9, 1e30])
    func breakdown(_ length: Double) throws {
        let found = try #require(scales(.median, lengths: [1, 1.1, 0.9, 1.2, length]))
        #expect(abs(found[4] * length - 1.1) < 1e-9)
    }

    @Test("stops every change where most clients changed nothing")
    func untrained() {
        #expect(scales(.median, lengths: [0, 0, 5]) == [1, 1, 0])
    }

    @Test("agrees with NumPy on random points")
    func reference() throws {
        for test in try RobustReference.load().vectors {
            for (bound, expected) in [(NormBounding.Bound.median, test.normMedian), (.fixed(3), test.normFixed)] {
                let verdict = NormBounding(bound).verdict(weights: test.shares, changes: test.changes)
                #expect(largestDifference(try #require(verdict.scales), expected) < 1e-9)
            }
        }
    }
}
