import LinearAlgebra
import TestSupport
import Testing

/// A sum of products as one product.
@Suite(.tags(.numerics))
struct FactoredSumStackedTests {
    init() {
        BLASThreads.useCallingThreadOnly()
    }

    /// Returns a sum of random products of these ranks, and its value by the definition.
    private func sample(rows: Int, columns: Int, ranks: [Int]) -> (sum: FactoredSum, value: ReferenceMatrix) {
        var generator = CounterGenerator(seed: 41)
        var sum = FactoredSum(rows: rows, columns: columns)
        var value = ReferenceMatrix(rows: rows, columns: columns)
        for (index, rank) in ranks.enumerated() {
            let b = Matrix(gaussian: rows, rank, using: &generator)
            let a = Matrix(gaussian: rank, columns, using: &generator)
            sum.add(b, a, coefficient: Double(index) - 1.5)
            value.add(b, a, scaledBy: Double(index) - 1.5)
        }
        return (sum, value)
    }

    @Test("puts factors side by side while they are narrower than the sum", arguments: [[2], [2, 3], [1, 1, 4]])
    func narrow(_ ranks: [Int]) {
        let (sum, value) = sample(rows: 9, columns: 12, ranks: ranks)
        let (b, a) = sum.stacked()
        #expect(b.columns == ranks.reduce(0, +))
        var found = ReferenceMatrix(rows: 9, columns: 12)
        found.add(b, a)
        #expect(found.relativeDistance(to: value) < 1e-6)
    }

    @Test("never needs more components than rows or columns", arguments: [(5, 12), (12, 5)])
    func wide(_ shape: (rows: Int, columns: Int)) {
        let (sum, value) = sample(rows: shape.rows, columns: shape.columns, ranks: [3, 4])
        let (b, a) = sum.stacked()
        #expect(b.columns == 5)
        var found = ReferenceMatrix(rows: shape.rows, columns: shape.columns)
        found.add(b, a)
        #expect(found.relativeDistance(to: value) < 1e-6)
    }

    @Test("leaves out components that are zero")
    func zeros() {
        var sum = FactoredSum(rows: 4, columns: 5)
        sum.add(Matrix(rows: 4, columns: 2), Matrix([[1, 2, 3, 4, 5], [0, 0, 0, 0, 1]]))
        #expect(sum.stacked().b.columns == 0 && sum.stacked().a.rows == 0)
        sum.add(Matrix([[1, 1], [0, 0], [0, 0], [0, 2]]), Matrix([[0, 0, 0, 0, 0], [1, 0, 0, 0, 0]]))
        #expect(sum.stacked().b == Matrix([[1], [0], [0], [2]]))
        #expect(FactoredSum(rows: 4, columns: 5).stacked().a == Matrix(rows: 0, columns: 5))
    }
}
