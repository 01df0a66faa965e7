private import COpenBLAS

/// A matrix of 64-bit floats, stored column by column: what LAPACK works on inside a factorization.
///
/// It never leaves this module: results are rounded to a ``Matrix``.
struct CoreMatrix: Sendable {
    let rows: Int
    let columns: Int
    /// The elements in column-major order; `rows * columns` of them.
    var elements: [Double]

    /// Creates a matrix of zeros.
    init(rows: Int, columns: Int) {
        self.rows = rows
        self.columns = columns
        self.elements = [Double](repeating: 0, count: rows * columns)
    }

    /// Creates a matrix from its elements in column-major order.
    init(rows: Int, columns: Int, elements: [Double]) {
        precondition(elements.count == rows * columns, "\(elements.count) elements do not fill \(rows)×\(columns)")
        self.rows = rows
        self.columns = columns
        self.elements = elements
    }

    subscript(row: Int, column: Int) -> Double {
        get { elements[column * rows + row] }
        set { elements[column * rows + row] = newValue }
    }

    /// Copies the part below the diagonal of a square matrix to above it.
    mutating func mirrorLowerTriangle() {
        precondition(rows == columns, "\(rows)×\(columns) is not square")
        for column in 0..<columns {
            for row in 0..<column {
                self[row, column] = self[column, row]
            }
        }
    }

    /// The sum of the diagonal.
    var trace: Double {
        (0..<min(rows, columns)).reduce(0) { $0 + self[$1, $1] }
    }

    /// Returns op(A)·op(B).
    ///
    /// - Complexity: O(m·n·k).
    static func product(
        _ a: CoreMatrix,
        _ orientationOfA: Orientation = .stored,
        by b: CoreMatrix,
        _ orientationOfB: Orientation = .stored
    ) -> CoreMatrix {
        let (m, k) = orientationOfA == .stored ? (a.rows, a.columns) : (a.columns, a.rows)
        let (depth, n) = orientationOfB == .stored ? (b.rows, b.columns) : (b.columns, b.rows)
        precondition(k == depth, "\(m)×\(k) cannot be multiplied by \(depth)×\(n)")
        var c = CoreMatrix(rows: m, columns: n)
        guard m > 0, n > 0, k > 0 else { return c }
        unsafe cblas_dgemm(
            CblasColMajor,
            orientationOfA.blas,
            orientationOfB.blas,
            blasint(m),
            blasint(n),
            blasint(k),
            1,
            a.elements,
            blasint(a.rows),
            b.elements,
            blasint(b.rows),
            0,
            &c.elements,
            blasint(m)
        )
        return c
    }

    /// C ← C + A·B.
    mutating func addProduct(_ a: CoreMatrix, _ b: CoreMatrix) {
        precondition(a.rows == rows && b.columns == columns && a.columns == b.rows, "the shapes do not fit")
        guard !elements.isEmpty, a.columns > 0 else { return }
        unsafe cblas_dgemm(
            CblasColMajor,
            CblasNoTrans,
            CblasNoTrans,
            blasint(rows),
            blasint(columns),
            blasint(a.columns),
            1,
            a.elements,
            blasint(a.rows),
            b.elements,
            blasint(b.rows),
            1,
            &elements,
            blasint(rows)
        )
    }
}
