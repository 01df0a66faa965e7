import LinearAlgebra
import TestSupport
import Testing

@Suite(.tags(.numerics))
struct QRFactorizationTests {
    @Test("factors into orthonormal columns and an upper triangle", arguments: [(40, 7), (5, 5), (3, 1), (64, 32)])
    func factors(rows: Int, columns: Int) {
        var generator = CounterGenerator(seed: 4)
        let a = Matrix(gaussian: rows, columns, using: &generator)
        let factorization = QRFactorization(of: a)
        let (q, r) = (factorization.q(), factorization.r)
        #expect(q.deviationFromOrthonormalColumns < 1e-6)
        #expect(((q * r) - a).frobeniusNorm < 1e-6 * a.frobeniusNorm)
        for row in 1..<max(columns, 1) {
            for column in 0..<row {
                #expect(r[row, column] == 0)
            }
        }
    }

    @Test("multiplies by Q and by its transpose without writing Q out")
    func applies() {
        var generator = CounterGenerator(seed: 5)
        let factorization = QRFactorization(of: Matrix(gaussian: 30, 6, using: &generator))
        let x = Matrix(gaussian: 6, 4, using: &generator)
        let y = factorization.qTimes(x)
        #expect((y - factorization.q() * x).frobeniusNorm < 1e-5)
        // QᵀQ = I.
        #expect((factorization.qTransposedTimes(y) - x).frobeniusNorm < 1e-5)
    }

    @Test("keeps Q orthonormal when the columns depend on each other, or are zero")
    func rankDeficient() {
        let a = Matrix([[1, 2, 0], [1, 2, 0], [1, 2, 0], [1, 2, 0]])
        let factorization = QRFactorization(of: a)
        #expect(factorization.q().deviationFromOrthonormalColumns < 1e-6)
        #expect((factorization.q() * factorization.r - a).frobeniusNorm < 1e-6 * a.frobeniusNorm)
    }
}
