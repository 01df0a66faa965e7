import LinearAlgebra
import TestSupport
import Testing

@testable import Aggregation

@Suite(.tags(.numerics))
struct CoordinateRuleTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let rule: CoordinateRule
        let values: [Double]
        let expected: Double
        var testDescription: String { "\(rule) of \(values)" }
    }

    static let cases = [
        Case(rule: .median, values: [7], expected: 7),
        Case(rule: .median, values: [1, 5], expected: 3),
        Case(rule: .median, values: [-4, 1, 100], expected: 1),
        Case(rule: .median, values: [0, 1, 2, 1e6], expected: 1.5),
        Case(rule: .trimmedMean(0), values: [1, 2, 6], expected: 3),
        Case(rule: .trimmedMean(0.25), values: [-1e9, 1, 3, 1e9], expected: 2),
        Case(rule: .trimmedMean(0.2), values: [1, 2, 3, 10], expected: 4),
        Case(rule: .trimmedMean(0.49), values: [5, 6], expected: 5.5),
        Case(rule: .nearestToMedian(count: 3), values: [0, 4, 5, 6, 1e9], expected: 5),
        Case(rule: .nearestToMedian(count: 2), values: [0, 4, 5, 7, 9], expected: 4.5),
        // 4 and 6 are equally near: the smaller is taken.
        Case(rule: .nearestToMedian(count: 2), values: [4, 5, 6], expected: 4.5),
        Case(rule: .nearestToMedian(count: 1), values: [1, 2, 4, 9], expected: 2),
    ]

    @Test("combines sorted numbers", arguments: cases)
    func examples(_ test: Case) {
        #expect(test.rule.combine(test.values.span) == test.expected)
    }

    /// 0.29·100 is 28.999… in 64 bits.
    @Test("leaves out the whole number that the share was meant to give")
    func share() {
        #expect(CoordinateRule.trimmedMean(0.29).fixedPart(count: 100) == 29..<71)
        #expect(CoordinateRule.trimmedMean(0.1).fixedPart(count: 9) == 0..<9)
        #expect(CoordinateRule.trimmedMean(0.5.nextDown).fixedPart(count: 2) == 0..<2)
    }

    /// A network that sorts every list of zeros and ones sorts every list (Knuth, 5.3.4, theorem Z).
    @Test("sorts every list of zeros and ones", arguments: 1...12)
    func network(_ count: Int) {
        let network = SortingNetwork(count: count)
        for pattern in 0..<1 << count {
            var rows = (0..<count).map { SIMD8<Float>(repeating: pattern >> $0 & 1 == 1 ? 1 : 0) }
            network.sortColumns(&rows, rowLength: 1)
            let ones = pattern.nonzeroBitCount
            let sorted = rows.enumerated().allSatisfy { $1 == SIMD8(repeating: $0 >= count - ones ? 1 : 0) }
            #expect(sorted, "\(pattern) of \(count)")
        }
    }

    static let rules: [CoordinateRule] = [.median, .trimmedMean(0.2), .nearestToMedian(count: 3)]

    @Test("combines a matrix as it combines its elements one by one", arguments: rules, [1, 2, 5])
    func matrix(_ rule: CoordinateRule, _ threads: Int) {
        var generator = CounterGenerator(seed: 9)
        // More than two tiles, and no whole number of vectors.
        let matrices = (0..<7).map { _ in Matrix(gaussian: 41, 103, using: &generator) }
        let scales = [1, 0.5, 1, 2, 1, 1.5, 1]
        let combined = CoordinateCombination(rule: rule, count: 7)
            .combine(matrices.map { StoredMatrix($0) }, scaledBy: scales, threads: threads)
        #expect(combined.rows == 41)
        for index in 0..<41 * 103 {
            let sorted = zip(matrices, scales).map { Double(Float(Double($0.elements[index]) * $1)) }.sorted()
            #expect(combined.elements[index] == Float(rule.combine(sorted.span)))
        }
    }

    @Test("gives the same bits in whatever order the clients are listed", arguments: rules)
    func order(_ rule: CoordinateRule) {
        var generator = CounterGenerator(seed: 10)
        let matrices = (0..<8).map { _ in StoredMatrix(Matrix(gaussian: 3, 50, using: &generator)) }
        let combination = CoordinateCombination(rule: rule, count: 8)
        let scales = [Double](repeating: 1, count: 8)
        let combined = combination.combine(matrices, scaledBy: scales, threads: 2)
        let shuffled = combination.combine(matrices.shuffled(using: &generator), scaledBy: scales, threads: 2)
        #expect(combined == shuffled)
    }

    @Test("stays among the honest values whatever a minority sends", arguments: [1e4, -1e4, 3e38, -3e38] as [Float])
    func breakdown(_ wrong: Float) {
        var generator = CounterGenerator(seed: 11)
        let honest = (0..<5).map { _ in Matrix(gaussian: 2, 9, using: &generator) }
        let attackers = (0..<4).map { _ in Matrix(rows: 2, columns: 9, elements: .init(repeating: wrong, count: 18)) }
        for rule in [CoordinateRule.median, .trimmedMean(0.45), .nearestToMedian(count: 1)] {
            let combined = CoordinateCombination(rule: rule, count: 9)
                .combine(
                    (attackers + honest).map { StoredMatrix($0) },
                    scaledBy: .init(repeating: 1, count: 9),
                    threads: 1
                )
            for (index, value) in combined.elements.enumerated() {
                let values = honest.map { $0.elements[index] }.sorted()
                #expect(values[0] <= value && value <= values[4], "\(rule)")
            }
        }
    }

    @Test("agrees with NumPy on random points")
    func reference() throws {
        for test in try RobustReference.load().vectors {
            for (rule, expected) in [(CoordinateRule.median, test.median), (.trimmedMean(0.2), test.trimmed)] {
                let combined = CoordinateCombination(rule: rule, count: test.vectors.count).combine(
                    test.vectors.map { StoredMatrix(Matrix([$0])) },
                    scaledBy: test.vectors.map { _ in 1 },
                    threads: 1
                )
                // One rounding to 32 bits.
                #expect(largestDifference(combined.elements.map(Double.init), expected) < 1e-7)
            }
        }
    }
}
