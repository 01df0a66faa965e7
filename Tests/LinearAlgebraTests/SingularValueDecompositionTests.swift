import LinearAlgebra
import TestSupport
import Testing

@Suite(.tags(.numerics))
struct SingularValueDecompositionTests {
    @Test("factors a matrix of any shape", arguments: [(12, 5), (5, 12), (1, 6), (6, 1), (9, 9)])
    func factors(rows: Int, columns: Int) throws {
        var generator = CounterGenerator(seed: 6)
        let a = Matrix(gaussian: rows, columns, using: &generator)
        let decomposition = try SingularValueDecomposition(of: a)
        #expect(decomposition.count == min(rows, columns))
        #expect(decomposition.u.deviationFromOrthonormalColumns < 2e-6)
        #expect(decomposition.vt.transposed().deviationFromOrthonormalColumns < 2e-6)
        #expect(decomposition.singularValues == decomposition.singularValues.sorted(by: >))
        #expect((decomposition.product() - a).frobeniusNorm < 2e-6 * a.frobeniusNorm)
        #expect(decomposition.obeysSignRule)
    }

    @Test("makes the first of several equally large elements positive")
    func signRule() throws {
        let decomposition = try SingularValueDecomposition(of: Matrix([[-3, 0], [3, 0], [0, -1]]))
        #expect(decomposition.u[0, 0] > 0 && decomposition.u[1, 0] < 0)
        #expect(decomposition.u[2, 1] > 0 && decomposition.vt[1, 1] < 0)
        #expect(decomposition.vt[0, 0] < 0)
    }

    @Test("refuses what is not finite", arguments: [Float.nan, .infinity])
    func refusesNonFinite(_ value: Float) {
        #expect(throws: LinearAlgebraError.notFinite(operation: "singular value decomposition")) {
            try SingularValueDecomposition(of: Matrix([[1, value]]))
        }
    }
}
