/// The leading singular triplets of a matrix: A ≈ U·Σ·Vᵀ.
///
/// Singular values descend. Signs are fixed by a rule, so that equal input gives equal factors: in every column of U the
/// element of largest magnitude is positive, and of several that differ by no more than rounding the first. Where singular
/// values repeat, the vectors are one orthonormal basis of many, and only the product is determined.
package struct SingularValueDecomposition: Sendable, Equatable {
    /// U, rows × count, with orthonormal columns.
    package private(set) var u: Matrix
    /// The diagonal of Σ, descending, at least 0.
    package let singularValues: [Double]
    /// Vᵀ, count × columns, with orthonormal rows.
    package private(set) var vt: Matrix

    /// How many triplets there are.
    package var count: Int { singularValues.count }

    /// Creates the decomposition from its factors, and applies the sign rule.
    init(u: Matrix, singularValues: [Double], vt: Matrix) {
        precondition(u.columns == singularValues.count && vt.rows == singularValues.count, "the factors do not fit")
        self.u = u
        self.singularValues = singularValues
        self.vt = vt
        applySignRule()
    }

    /// Factors a dense matrix completely, by divide and conquer (`sgesdd`), into min(m, n) triplets.
    ///
    /// Singular values are accurate to about 10⁻⁶ of the largest.
    ///
    /// - Throws: ``LinearAlgebraError/notFinite(operation:)`` when an element is infinite or NaN, and
    ///   ``LinearAlgebraError/didNotConverge(routine:info:)``.
    /// - Complexity: O(m·n·min(m, n)).
    package init(of a: Matrix) throws(LinearAlgebraError) {
        guard a.isFinite else { throw .notFinite(operation: "singular value decomposition") }
        // Read column by column, the rows of A are Aᵀ = V·Σ·Uᵀ: LAPACK's factors are ours with the roles exchanged, and
        // come out row-major.
        let factors = try LAPACK.factorSVD(rows: a.columns, columns: a.rows, elements: a.elements)
        let count = factors.s.count
        self.init(
            u: Matrix(rows: a.rows, columns: count, elements: factors.vt),
            singularValues: factors.s.map(Double.init),
            vt: Matrix(rows: count, columns: a.columns, elements: factors.u)
        )
    }

    /// Returns the first `count` triplets.
    package func prefix(_ count: Int) -> SingularValueDecomposition {
        SingularValueDecomposition(
            u: u.firstColumns(count),
            singularValues: Array(singularValues.prefix(count)),
            vt: vt.firstRows(count)
        )
    }

    /// Returns U·Σ·Vᵀ.
    package func product() -> Matrix {
        let (rows, count) = (u.rows, count)
        var scaled = u
        scaled.withMutableElements { u in
            for row in 0..<rows {
                for column in 0..<count {
                    u[row * count + column] *= Float(singularValues[column])
                }
            }
        }
        return scaled * vt
    }

    /// Elements this close to the largest, as a ratio, count as equally large: equal ones differ by rounding.
    private static let tie: Float = 1 - 1e-6

    /// Turns pairs of vectors around where the largest element of the left one is negative.
    private mutating func applySignRule() {
        let (rows, columns) = (u.rows, u.columns)
        var largest = [Float](repeating: 0, count: columns)
        var signs = [Float](repeating: 0, count: columns)
        u.withElements { u in
            for row in 0..<rows {
                for column in 0..<columns {
                    largest[column] = max(largest[column], abs(u[row * columns + column]))
                }
            }
            for row in 0..<rows {
                for column in 0..<columns where signs[column] == 0 {
                    let value = u[row * columns + column]
                    if abs(value) >= Self.tie * largest[column], value != 0 {
                        signs[column] = value < 0 ? -1 : 1
                    }
                }
            }
        }
        guard signs.contains(-1) else { return }
        u.withMutableElements { u in
            for row in 0..<rows {
                for column in 0..<columns where signs[column] < 0 {
                    u[row * columns + column].negate()
                }
            }
        }
        let length = vt.columns
        vt.withMutableElements { vt in
            for row in 0..<columns where signs[row] < 0 {
                for column in 0..<length {
                    vt[row * length + column].negate()
                }
            }
        }
    }
}
