/// Returns the D that minimises ‖T − D·A‖² + λ·‖D‖², given T·Aᵀ in place of T.
///
/// D = T·Aᵀ·(A·Aᵀ + λI)⁻¹, the normal equations of ridge regression (Hoerl & Kennard, Technometrics 12(1), 1970). They
/// are solved in 64 bits through the eigenvectors of A·Aᵀ. Where λ is 0 and the rows of A depend on each other, many D
/// are as good; the one of the smallest norm is returned.
///
/// - Parameters:
///   - moment: T·Aᵀ, d×r. T itself, d×k, is not needed.
///   - a: A, r×k.
///   - penalty: λ, at least 0.
/// - Returns: D, d×r.
/// - Throws: ``LinearAlgebraError/notFinite(operation:)`` when an element of A or of the moment is infinite or NaN, and
///   ``LinearAlgebraError/didNotConverge(routine:info:)``.
/// - Complexity: O((d + k)·r² + r³).
package func ridgeRegression(
    moment: Matrix,
    onto a: Matrix,
    penalty: Double
) throws(LinearAlgebraError) -> Matrix {
    precondition(moment.columns == a.rows, "\(moment.rows)×\(moment.columns) is no moment with \(a.rows)×\(a.columns)")
    precondition(penalty >= 0, "a penalty of \(penalty) rewards what it should punish")
    guard moment.isFinite, a.isFinite else { throw .notFinite(operation: "ridge regression") }
    let rank = a.rows
    // Rows read one after the other are the columns of the transpose.
    let transposeOfA = CoreMatrix(rows: a.columns, columns: rank, elements: a.elements.map(Double.init))
    let transposeOfMoment = CoreMatrix(rows: rank, columns: moment.rows, elements: moment.elements.map(Double.init))
    var vectors = CoreMatrix.product(transposeOfA, .transposed, by: transposeOfA)
    let eigenvalues = try LAPACK.factorSymmetric(&vectors)

    // Directions in which A is zero to rounding say nothing about T.
    let rounding = Double.ulpOfOne * Double(rank) * max(eigenvalues.last ?? 0, 0)
    var rotated = CoreMatrix.product(vectors, .transposed, by: transposeOfMoment)
    for row in 0..<rank {
        let curvature = max(eigenvalues[row], 0) + penalty
        let factor = curvature > rounding ? 1 / curvature : 0
        for column in 0..<rotated.columns {
            rotated[row, column] *= factor
        }
    }
    let solution = CoreMatrix.product(vectors, by: rotated)
    return Matrix(rows: moment.rows, columns: rank, elements: solution.elements.map(Float.init))
}
