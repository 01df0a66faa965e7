/// The Householder route, algorithm 5.1 in 64 bits:
///
///     B = Q_B·R_B,  Aᵀ = Q_A·R_A               Householder QR, kept as reflectors
///     R_B·diag(c)·R_Aᵀ = P·Σ·Tᵀ                R×R, by divide and conquer
///     U = Q_B·P,  V = Q_A·T                    reflectors applied to the columns asked for
///
/// Errors of QR are relative to each column, so the components need no balancing. Columns of Q_B and Q_A beyond the R-th
/// complete U and V when more triplets are asked for than the stacks have components.
extension FactoredSum {
    func decomposeThroughHouseholder(
        rank: Int,
        threads: Int
    ) throws(LinearAlgebraError) -> Truncation {
        let width = stackedRank
        let factors = Concurrency.map(2, threads: threads) { LAPACK.factorQR(self.stack($0 == 0 ? .left : .right)) }
        var left = Self.upperTriangle(of: factors[0])
        let right = Self.upperTriangle(of: factors[1])
        let c = coefficients
        var magnitude = 0.0
        for column in 0..<width {
            var (b, a) = (0.0, 0.0)
            for row in 0...column {
                b += left[row, column] * left[row, column]
                a += right[row, column] * right[row, column]
                left[row, column] *= c[column]
            }
            magnitude += abs(c[column]) * b.squareRoot() * a.squareRoot()
        }
        let rounding = try roundingLevel(ofTerms: magnitude)
        guard rounding > 0 else { return Truncation(decompositionOfZero(rank: rank), residual: 0) }

        let core = try LAPACK.factorSVD(CoreMatrix.product(left, by: right, .transposed))
        let singularValues = (0..<rank).map { $0 < width && core.s[$0] > rounding ? core.s[$0] : 0 }

        // U is wanted row by row, which is Uᵀ column by column; Vᵀ row by row is V column by column.
        var ut = CoreMatrix(rows: rank, columns: rows)
        var v = CoreMatrix(rows: columns, columns: rank)
        for index in 0..<rank {
            guard index < width else {
                ut[index, index] = 1
                v[index, index] = 1
                continue
            }
            for row in 0..<width {
                ut[index, row] = core.u[row, index]
                v[row, index] = core.vt[index, row]
            }
        }
        var sides = [ut, v]
        Concurrency.forEach(in: &sides, threads: threads) { index, side in
            LAPACK.applyQ(factors[index], to: &side, transposed: index == 0)
        }
        let decomposition = SingularValueDecomposition(
            u: Matrix(rows: rows, columns: rank, elements: sides[0].elements.map(Float.init)),
            singularValues: singularValues,
            vt: Matrix(rows: rank, columns: columns, elements: sides[1].elements.map(Float.init))
        )
        return Truncation(decomposition, residual: core.s.dropFirst(rank).reduce(0) { $0 + $1 * $1 }.squareRoot())
    }

    /// B, rows×R, or Aᵀ, columns×R, in 64 bits.
    private func stack(_ side: Side) -> CoreMatrix {
        let extent = side == .left ? rows : columns
        var elements: [Double] = []
        elements.reserveCapacity(extent * stackedRank)
        for term in terms {
            switch side {
            case .left:
                elements += term.b.resident().transposed().elements.lazy.map(Double.init)
            case .right:
                // The rows of A, one after the other, are the columns of Aᵀ.
                term.a.withElements { a in
                    for index in a.indices {
                        elements.append(Double(a[index]))
                    }
                }
            }
        }
        return CoreMatrix(rows: extent, columns: stackedRank, elements: elements)
    }

    private static func upperTriangle(of reflectors: LAPACK.Reflectors<Double>) -> CoreMatrix {
        let (m, n) = (reflectors.rows, reflectors.columns)
        var r = CoreMatrix(rows: n, columns: n)
        for column in 0..<n {
            for row in 0...column {
                r[row, column] = reflectors.elements[column * m + row]
            }
        }
        return r
    }
}
