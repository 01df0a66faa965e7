import TestSupport
import Testing

@testable import Aggregation

@Suite(.tags(.numerics))
struct BufferedAggregationTests {
    @Test("lets a change count less the older its start is", arguments: zip([0, 1, 3, 8], [1, 0.70711, 0.5, 0.33333]))
    func staleness(_ staleness: Int, _ expected: Double) {
        let weight = StalenessWeight.inverseSquareRoot.weight(staleness: staleness)
        #expect(abs(weight - expected) < 5e-6)
        #expect(abs(StalenessWeight.polynomial(exponent: 0.5).weight(staleness: staleness) - weight) < 1e-15)
    }

    @Test("gives a fresh change the weight 1 at any exponent", arguments: [0, 0.5, 1, 7.5])
    func fresh(_ exponent: Double) {
        #expect(StalenessWeight.polynomial(exponent: exponent).weight(staleness: 0) == 1)
        #expect(StalenessWeight.polynomial(exponent: 0).weight(staleness: 12) == 1)
    }

    /// D = 1 from τ = 0 and from τ = 3, with K = 2.
    @Test("divides by K as the paper does, or by the sum of the weights")
    func normalization() {
        var aggregation = BufferedAggregation(bufferSize: 2)
        #expect(aggregation.coefficients(stalenesses: [0, 3]).reduce(0, +) == 0.75)
        aggregation.normalization = .weights
        #expect(aggregation.coefficients(stalenesses: [0, 3]).reduce(0, +) == 1)
        aggregation.learningRate = 0.5
        #expect(aggregation.coefficients(stalenesses: [0, 3]).reduce(0, +) == 0.5)
    }
}
