import LinearAlgebra
import TestSupport
import Testing

@Suite(.tags(.numerics))
struct AccumulationTests {
    /// One less, equal to and more than the sixteen lanes of the loop.
    @Test("adds a scaled tensor and reports its squares", arguments: [0, 1, 15, 16, 17, 1_000])
    func accumulates(_ count: Int) {
        var generator = CounterGenerator(seed: 3)
        let values = (0..<count).map { _ in Float(generator.gaussian()) }
        var sums = (0..<count).map(Double.init)
        var span = sums.mutableSpan
        let report = accumulate(values.span, scaledBy: 0.25, into: &span)
        #expect(report.isFinite)
        let squares = values.reduce(0.0) { $0 + Double($1) * Double($1) }
        #expect(abs(report.sumOfSquares - squares) <= 1e-12 * squares)
        #expect(report.sumOfSquares == sumOfSquares(values.span))
        #expect(sums == values.enumerated().map { Double($0.offset) + 0.25 * Double($0.element) })
    }

    @Test("reports values that are not finite", arguments: [Float.nan, .infinity, -.infinity], [0, 16, 19])
    func reportsNonFinite(_ value: Float, at position: Int) {
        var values = [Float](repeating: 1, count: 20)
        values[position] = value
        var sums = [Double](repeating: 0, count: 20)
        var span = sums.mutableSpan
        let report = accumulate(values.span, scaledBy: 0, into: &span)
        #expect(!report.isFinite)
    }

    @Test("rounds a scaled sum once")
    func rounds() {
        let values = [1.0, 1 + 0x1p-24, 1 + 0x1.8p-23, -3]
        #expect(rounded(values.span, scaledBy: 1) == values.map(Float.init))
        #expect(rounded(values.span, scaledBy: 0.5) == values.map { Float(0.5 * $0) })
    }
}
