import LinearAlgebra
import TestSupport
import Testing

@Suite(.tags(.numerics))
struct RidgeRegressionTests {
    init() {
        BLASThreads.useCallingThreadOnly()
    }

    /// The gradient of ‖T − D·A‖² + λ‖D‖² vanishes: (T − D·A)·Aᵀ = λ·D.
    @Test("leaves no gradient", arguments: [0, 0.01, 3])
    func stationary(_ penalty: Double) throws {
        var generator = CounterGenerator(seed: 31)
        let a = Matrix(gaussian: 5, 19, using: &generator)
        let target = Matrix(gaussian: 12, 19, using: &generator)
        let solution = try ridgeRegression(moment: target.timesTransposed(a), onto: a, penalty: penalty)
        var gradient = ReferenceMatrix(rows: 12, columns: 5)
        gradient.add(target - solution * a, a.transposed())
        gradient.add(solution, Matrix(identity: 5), scaledBy: -penalty)
        // Everything is rounded to 32 bits on the way, once or twice.
        #expect(gradient.norm < 2e-6 * target.frobeniusNorm * a.frobeniusNorm)
    }

    @Test("takes the smallest of many solutions where rows of A repeat")
    func rankDeficient() throws {
        let a = Matrix([[3, 0, 4], [3, 0, 4]])
        let target = Matrix([[6, 1, 8]])
        let solution = try ridgeRegression(moment: target.timesTransposed(a), onto: a, penalty: 0)
        #expect((solution - Matrix([[1, 1]])).frobeniusNorm < 1e-6)
    }

    @Test("gives zero for an A of zero")
    func zero() throws {
        let solution = try ridgeRegression(
            moment: Matrix(rows: 4, columns: 2),
            onto: Matrix(rows: 2, columns: 7),
            penalty: 0
        )
        #expect(solution == Matrix(rows: 4, columns: 2))
    }

    @Test("refuses values that are not finite")
    func notFinite() {
        var a = Matrix(rows: 2, columns: 3)
        a[1, 1] = .nan
        #expect(throws: LinearAlgebraError.notFinite(operation: "ridge regression")) {
            try ridgeRegression(moment: Matrix(rows: 4, columns: 2), onto: a, penalty: 1)
        }
    }
}

extension Matrix {
    fileprivate init(identity size: Int) {
        self.init(rows: size, columns: size)
        for index in 0..<size {
            self[index, index] = 1
        }
    }
}
