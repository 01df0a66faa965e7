import LinearAlgebra
import TestSupport
import Testing

@Suite("Products with a packed factor", .tags(.numerics))
struct PackedMatrixTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let m: Int
        let n: Int
        let k: Int

        var testDescription: String { "\(m)×\(k) by \(k)×\(n)" }
    }

    /// Every height of a tile, panels that are full, cut and missing, and depths from nothing up.
    static let cases =
        (1...25).map { Case(m: $0, n: 48, k: 32) }
        + [1, 15, 16, 17, 31, 33, 100].map { Case(m: 7, n: $0, k: 20) }
        + [0, 1, 2, 300].map { Case(m: 14, n: 34, k: $0) }
        + [Case(m: 300, n: 384, k: 384), Case(m: 50, n: 40, k: 1536)]

    private func matrices(_ test: Case) -> (x: Matrix, w: Matrix) {
        var generator = CounterGenerator(seed: 7)
        return (
            Matrix(gaussian: test.m, test.k, using: &generator), Matrix(gaussian: test.k, test.n, using: &generator)
        )
    }

    @Test("agree with sgemm, both factors stored or transposed", arguments: cases)
    func values(_ test: Case) {
        let (x, w) = matrices(test)
        let expected = x * w
        // Sums of k products of normal numbers, a few units of the last place apart.
        let tolerance = 1e-5 * Float(test.k + 1).squareRoot()
        for isTransposed in [false, true] {
            let packed =
                isTransposed
                ? PackedMatrix(w.transposed().elements.span, .transposed, rows: test.k, columns: test.n)
                : PackedMatrix(w.elements.span, rows: test.k, columns: test.n)
            var y = [Float](repeating: .nan, count: test.m * test.n)
            var target = y.mutableSpan
            packed.multiply(x.elements.span, m: test.m, into: &target)
            #expect(zip(y, expected.elements).allSatisfy { abs($0 - $1) <= tolerance })
            var z = [Float](repeating: 1, count: test.m * test.n)
            var sum = z.mutableSpan
            packed.multiply(x.transposed().elements.span, .transposed, m: test.m, into: &sum, adding: true)
            #expect(zip(z, y).allSatisfy { $0 == $1 + 1 })
        }
    }

    @Test("give a row the same bits whatever it is multiplied with", arguments: cases)
    func rows(_ test: Case) {
        let (x, w) = matrices(test)
        let packed = PackedMatrix(w.elements.span, rows: test.k, columns: test.n)
        var together = [Float](repeating: 0, count: test.m * test.n)
        var target = together.mutableSpan
        packed.multiply(x.elements.span, m: test.m, into: &target)
        for row in 0..<test.m {
            var alone = [Float](repeating: 0, count: test.n)
            var target = alone.mutableSpan
            packed.multiply(x.elements.span.extracting(row * test.k..<(row + 1) * test.k), m: 1, into: &target)
            #expect(alone[...] == together[row * test.n..<(row + 1) * test.n])
        }
    }

    @Test("read and write blocks of larger matrices, and leave the rest alone")
    func blocks() {
        var generator = CounterGenerator(seed: 8)
        let x = Matrix(gaussian: 9, 30, using: &generator)
        let w = Matrix(gaussian: 20, 50, using: &generator)
        var packed = PackedMatrix()
        // A larger one first, so that the buffer holds something else.
        packed.pack(w.elements.span, rows: 20, columns: 50)
        packed.pack(w.elements.span, rows: 20, columns: 18, stride: 50)
        #expect(packed.rows == 20 && packed.columns == 18)
        var y = [Float](repeating: -1, count: 9 * 25)
        var target = y.mutableSpan
        packed.multiply(x.elements.span, m: 9, into: &target, strides: (x: 30, y: 25))
        let expected = x.firstColumns(20) * w.firstColumns(18)
        for row in 0..<9 {
            for column in 0..<25 {
                let value = y[row * 25 + column]
                #expect(column < 18 ? abs(value - expected[row, column]) < 1e-4 : value == -1)
            }
        }
    }
}
