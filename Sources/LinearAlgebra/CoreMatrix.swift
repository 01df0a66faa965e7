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

    /// A ← diag(scales)·A.
    mutating func scaleRows(by scales: [Double]) {
        precondition(scales.count == rows, "\(scales.count) scales do not fit \(rows) rows")
        for column in 0..<columns {
            for row in 0..<rows {
                self[row, column] *= scales[row]
            }
        }
    }

    /// The sum of the squares of the elements.
    var sumOfSquares: Double {
        elements.reduce(0) { $0 + $1 * $1 }
    }

    /// Returns the first `count` columns.
    func firstColumns(_ count: Int) -> CoreMatrix {
        CoreMatrix(rows: rows, columns: count, elements: Array(elements.prefix(rows * count)))
    }

    /// Returns the last `count` columns.
    func lastColumns(_ count: Int) -> CoreMatrix {
        CoreMatrix(rows: rows, columns: count, elements: Array(elements.suffix(rows * count)))
    }

    /// Returns the columns, the last one first.
    func reversedColumns() -> CoreMatrix {
        var block: [Double] = []
        block.reserveCapacity(elements.count)
        for column in (0..<columns).reversed() {
            block += elements[column * rows..<(column + 1) * rows]
        }
        return CoreMatrix(rows: rows, columns: columns, elements: block)
    }

    /// Returns A₁·B₁ or A₁ᵀ·B₁ of two blocks of A and B.
    ///
    /// - Complexity: O(m·n·k).
    static func product(
        _ a: CoreMatrix,
        rows aRows: Range<Int>,
        columns aColumns: Range<Int>,
        _ orientation: Orientation,
        by b: CoreMatrix,
        rows bRows: Range<Int>,
        columns bColumns: Range<Int>
    ) -> CoreMatrix {
        let (m, k) = orientation == .stored ? (aRows.count, aColumns.count) : (aColumns.count, aRows.count)
        precondition(k == bRows.count, "\(m)×\(k) cannot be multiplied by \(bRows.count)×\(bColumns.count)")
        precondition(aRows.upperBound <= a.rows && aColumns.upperBound <= a.columns, "the block is not within A")
        precondition(bRows.upperBound <= b.rows && bColumns.upperBound <= b.columns, "the block is not within B")
        var c = CoreMatrix(rows: m, columns: bColumns.count)
        guard m > 0, k > 0, c.columns > 0 else { return c }
        unsafe a.elements.withUnsafeBufferPointer { first in
            unsafe b.elements.withUnsafeBufferPointer { second in
                guard let first = first.baseAddress, let second = second.baseAddress else { return }
                unsafe cblas_dgemm(
                    CblasColMajor,
                    orientation.blas,
                    CblasNoTrans,
                    blasint(m),
                    blasint(c.columns),
                    blasint(k),
                    1,
                    first + aColumns.lowerBound * a.rows + aRows.lowerBound,
                    blasint(a.rows),
                    second + bColumns.lowerBound * b.rows + bRows.lowerBound,
                    blasint(b.rows),
                    0,
                    &c.elements,
                    blasint(m)
                )
            }
        }
        return c
    }

    /// Returns [A B], both side by side.
    func appendingColumns(of other: CoreMatrix) -> CoreMatrix {
        precondition(rows == other.rows, "\(other.rows) rows do not stand beside \(rows)")
        return CoreMatrix(rows: rows, columns: columns + other.columns, elements: elements + other.elements)
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
