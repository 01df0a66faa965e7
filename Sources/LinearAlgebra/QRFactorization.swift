/// The thin QR factorization of a matrix with at least as many rows as columns: A = Q·R.
///
/// Q (m×n) has orthonormal columns and R (n×n) is upper triangular. Q is kept as Householder reflectors: to multiply a
/// few columns by it is much cheaper than to write it out. Works for any rank; R's diagonal may have either sign.
package struct QRFactorization: Sendable {
    private let reflectors: LAPACK.Reflectors<Float>

    /// Factors `a`, m×n with m ≥ n.
    ///
    /// - Complexity: O(m·n²).
    package init(of a: Matrix) {
        precondition(a.rows >= a.columns, "\(a.rows)×\(a.columns) has fewer rows than columns")
        self.reflectors = LAPACK.factorQR(rows: a.rows, columns: a.columns, elements: a.transposed().elements)
    }

    /// R, n×n.
    package var r: Matrix {
        let (m, n) = (reflectors.rows, reflectors.columns)
        var r = Matrix(rows: n, columns: n)
        for row in 0..<n {
            for column in row..<n {
                r[row, column] = reflectors.elements[column * m + row]
            }
        }
        return r
    }

    /// Returns Q, m×n.
    ///
    /// - Complexity: O(m·n²).
    package func q() -> Matrix {
        Matrix(rows: reflectors.columns, columns: reflectors.rows, elements: LAPACK.formQ(reflectors)).transposed()
    }

    /// Returns Q·X, m×p, for an X of n×p.
    ///
    /// - Complexity: O(m·n·p).
    package func qTimes(_ x: Matrix) -> Matrix {
        precondition(x.rows == reflectors.columns, "Q has \(reflectors.columns) columns but X has \(x.rows) rows")
        var elements = x.elements
        elements += [Float](repeating: 0, count: (reflectors.rows - x.rows) * x.columns)
        LAPACK.applyQ(reflectors, toRows: &elements, columns: x.columns)
        return Matrix(rows: reflectors.rows, columns: x.columns, elements: elements)
    }

    /// Returns Qᵀ·Y, n×p, for a Y of m×p.
    ///
    /// - Complexity: O(m·n·p).
    package func qTransposedTimes(_ y: Matrix) -> Matrix {
        precondition(y.rows == reflectors.rows, "Q has \(reflectors.rows) rows but Y has \(y.rows)")
        var elements = y.elements
        LAPACK.applyQ(reflectors, toRows: &elements, columns: y.columns, inverse: true)
        return Matrix(rows: reflectors.rows, columns: y.columns, elements: elements).firstRows(reflectors.columns)
    }
}
