private import COpenBLAS

extension Matrix {
    /// Returns A·B.
    ///
    /// - Complexity: O(m·n·k).
    package static func * (a: Matrix, b: Matrix) -> Matrix {
        product(a, .stored, by: b, .stored)
    }

    /// Returns Aᵀ·B, without forming Aᵀ.
    ///
    /// - Complexity: O(m·n·k).
    package func transposedTimes(_ b: Matrix) -> Matrix {
        Self.product(self, .transposed, by: b, .stored)
    }

    /// Returns A·Bᵀ, without forming Bᵀ.
    ///
    /// - Complexity: O(m·n·k).
    package func timesTransposed(_ b: Matrix) -> Matrix {
        Self.product(self, .stored, by: b, .transposed)
    }

    private static func product(
        _ a: Matrix,
        _ orientationOfA: Orientation,
        by b: Matrix,
        _ orientationOfB: Orientation
    ) -> Matrix {
        let (m, k) = orientationOfA == .stored ? (a.rows, a.columns) : (a.columns, a.rows)
        let (depth, n) = orientationOfB == .stored ? (b.rows, b.columns) : (b.columns, b.rows)
        precondition(k == depth, "\(m)×\(k) cannot be multiplied by \(depth)×\(n)")
        var c = Matrix(rows: m, columns: n)
        c.withMutableElements { c in
            multiply(
                a.elements.span,
                orientationOfA,
                by: b.elements.span,
                orientationOfB,
                into: &c,
                m: m,
                n: n,
                k: k
            )
        }
        return c
    }

    // MARK: - Element by element

    /// Returns A + B.
    package static func + (a: Matrix, b: Matrix) -> Matrix {
        var sum = a
        sum.add(b)
        return sum
    }

    /// Returns A − B.
    package static func - (a: Matrix, b: Matrix) -> Matrix {
        var difference = a
        difference.add(b, scaledBy: -1)
        return difference
    }

    /// Returns c·A.
    package static func * (c: Float, a: Matrix) -> Matrix {
        var scaled = a
        scaled.scale(by: c)
        return scaled
    }

    /// A ← A + c·B.
    package mutating func add(_ b: Matrix, scaledBy c: Float = 1) {
        precondition(
            rows == b.rows && columns == b.columns,
            "\(b.rows)×\(b.columns) cannot be added to \(rows)×\(columns)"
        )
        withMutableElements { a in
            for index in a.indices {
                a[index] += c * b.elements[index]
            }
        }
    }

    /// A ← c·A.
    package mutating func scale(by c: Float) {
        withMutableElements { a in
            for index in a.indices {
                a[index] *= c
            }
        }
    }

    // MARK: - Rearrangement

    /// Returns Aᵀ.
    package func transposed() -> Matrix {
        var transpose = Matrix(rows: columns, columns: rows)
        guard count > 0 else { return transpose }
        transpose.withMutableElements { target in
            unsafe target.withUnsafeMutableBufferPointer { target in
                unsafe cblas_somatcopy(
                    CblasRowMajor,
                    CblasTrans,
                    blasint(rows),
                    blasint(columns),
                    1,
                    elements,
                    blasint(columns),
                    target.baseAddress,
                    blasint(rows)
                )
            }
        }
        return transpose
    }

    /// Returns the first `count` rows.
    package func firstRows(_ count: Int) -> Matrix {
        precondition(0...rows ~= count, "\(rows)×\(columns) has no \(count) rows")
        return Matrix(rows: count, columns: columns, elements: Array(elements[..<(count * columns)]))
    }

    /// Returns the first `count` columns, each element multiplied by `scale`.
    package func firstColumns(_ count: Int, scaledBy scale: Float = 1) -> Matrix {
        precondition(0...columns ~= count, "\(rows)×\(columns) has no \(count) columns")
        var block = Matrix(rows: rows, columns: count)
        let source = elements.span
        block.withMutableElements { target in
            for row in 0..<rows {
                for column in 0..<count {
                    target[row * count + column] = scale * source[row * columns + column]
                }
            }
        }
        return block
    }

    /// Returns `count` rows: the rows of A, and from the first one again where there are too few.
    package func repeatingRows(toCount count: Int) -> Matrix {
        precondition(rows > 0 || count == 0, "no rows to repeat")
        guard count > rows else { return firstRows(count) }
        var repeated = elements
        repeated.reserveCapacity(count * columns)
        for row in rows..<count {
            let start = row % rows * columns
            repeated += elements[start..<start + columns]
        }
        return Matrix(rows: count, columns: columns, elements: repeated)
    }

    /// Returns A·diag(c), with columns of zeros appended up to `count`.
    ///
    /// - Parameters:
    ///   - scales: c, one value a column.
    ///   - count: How many columns the result has, at least as many as A.
    /// - Returns: rows×`count`.
    package func scalingColumns(by scales: [Float], paddedTo count: Int) -> Matrix {
        precondition(
            scales.count == columns && count >= columns,
            "\(scales.count) scales do not fit \(rows)×\(columns)"
        )
        var scaled = Matrix(rows: rows, columns: count)
        let source = elements.span
        scaled.withMutableElements { target in
            for row in 0..<rows {
                for column in 0..<columns {
                    target[row * count + column] = source[row * columns + column] * scales[column]
                }
            }
        }
        return scaled
    }
}
