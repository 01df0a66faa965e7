import LinearAlgebra
import TestSupport
import Testing

@Suite(.tags(.numerics))
struct MatrixTests {
    let a = Matrix([[1, 2, 3], [4, 5, 6]])
    let b = Matrix([[1, 0], [2, -1], [0, 3]])

    @Test("multiplies in every orientation")
    func products() {
        let product = Matrix([[5, 7], [14, 13]])
        #expect(a * b == product)
        #expect(a.transposed().transposedTimes(b) == product)
        #expect(a.timesTransposed(b.transposed()) == product)
    }

    @Test("multiplies as the definition says, at sizes that no block divides")
    func productsAgreeWithTheDefinition() {
        var generator = CounterGenerator(seed: 2)
        let a = Matrix(gaussian: 37, 301, using: &generator)
        let b = Matrix(gaussian: 301, 53, using: &generator)
        var expected = ReferenceMatrix(rows: 37, columns: 53)
        expected.add(a, b)
        // √301 roundings of 6e-8 each.
        #expect(ReferenceMatrix(a * b).relativeDistance(to: expected) < 2e-6)
    }

    @Test("adds, subtracts and scales element by element")
    func elementwise() {
        #expect(a + a == 2 * a)
        #expect((a - a).frobeniusNorm == 0)
        var sum = a
        sum.add(a, scaledBy: -0.5)
        #expect(sum == 0.5 * a)
    }

    @Test("transposes, and takes leading rows and columns")
    func rearranges() {
        #expect(a.transposed() == Matrix([[1, 4], [2, 5], [3, 6]]))
        #expect(a.firstRows(1) == Matrix([[1, 2, 3]]))
        #expect(a.firstColumns(2, scaledBy: 2) == Matrix([[2, 4], [8, 10]]))
        #expect(a.repeatingRows(toCount: 5).elements == [1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 1, 2, 3])
        #expect(a.scalingColumns(by: [1, 2, -1], paddedTo: 4) == Matrix([[1, 4, -3, 0], [4, 10, -6, 0]]))
        #expect(Matrix(rows: 0, columns: 3).transposed() == Matrix(rows: 3, columns: 0))
    }

    @Test("sums squares in 64 bits, where 32 would overflow")
    func norm() {
        #expect(Matrix([[3, 4]]).frobeniusNorm == 5)
        #expect(Matrix([[3e30, 4e30]]).frobeniusNorm / 5e30 - 1 < 1e-7)
    }

    @Test("finds one value that is not finite, wherever it is", arguments: [0, 15, 16, 4095, 4096, 9_998])
    func finiteness(_ position: Int) {
        var matrix = Matrix(rows: 1, columns: 9_999)
        #expect(matrix.isFinite)
        for value in [Float.nan, .infinity, -.infinity] {
            matrix[0, position] = value
            #expect(!matrix.isFinite)
        }
        matrix[0, position] = -.greatestFiniteMagnitude
        #expect(matrix.isFinite)
    }
}
