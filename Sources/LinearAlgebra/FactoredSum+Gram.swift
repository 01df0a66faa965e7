/// The Gram route: two R×R Gram matrices in 64 bits, one R×R symmetric eigenproblem, and the m combinations asked for.
///
/// With the coefficients spread over both stacks (B′ = B·diag(β), A′ = diag(α)·A, βα = c):
///
///     B′ᵀB′ = X·Xᵀ                  pivoted Cholesky, X is R×(rank of B), a triangle with its rows permuted
///     Xᵀ(A′A′ᵀ)X = P·Λ·Pᵀ           has the eigenvalues of GᵀG: Λ = Σ²
///     V = A′ᵀ·(X·P·Σ⁻¹)             because GᵀU = A′ᵀB′ᵀU = VΣ
///     U = B′·(A′A′ᵀ·X·P·Σ⁻²)        because GV = UΣ
extension FactoredSum {
    /// Returns the leading triplets, or `nil` where 64 bits do not hold the square of this sum's condition.
    func decomposeThroughGrams(
        rank: Int,
        threads: Int
    ) throws(LinearAlgebraError) -> Truncation? {
        var (gramOfB, gramOfA) = grams(threads: threads)
        let scales = balancedScales(gramOfB: gramOfB, gramOfA: gramOfA)
        // Each component now has the length √(|c|·‖b‖·‖a‖) on either side: the sum of squares is what they add up to.
        gramOfB.scaleLowerTriangle(by: scales.b)
        gramOfA.scaleLowerTriangle(by: scales.a)
        let rounding = try roundingLevel(ofTerms: gramOfB.trace)
        guard rounding > 0 else { return Truncation(decompositionOfZero(rank: rank), residual: 0) }
        gramOfA.mirrorLowerTriangle()

        let (l, pivots) = LAPACK.factorSemidefinite(gramOfB)
        guard l.columns >= rank else { return nil }
        // X is L with its rows in another order. With A's Gram matrix in that order, products with L skip its zeros.
        let y = gramOfA.permuted(by: pivots).timesLowerTriangle(l, threads: threads)
        let core = l.lowerTriangleOfTransposedTimes(y, threads: threads)
        let trace = core.trace
        let (leading, p) = try Self.leadingEigenpairs(of: core, count: rank)
        guard let last = leading.last, last > Double.ulpOfOne * leading[0] * Double(l.columns) else { return nil }
        let singularValues = leading.map { $0.squareRoot() }
        var right = CoreMatrix.product(l, by: p).placingRows(at: pivots)
        right.scale(rows: scales.a, columns: singularValues.map { 1 / $0 })
        var left = CoreMatrix.product(y, by: p).placingRows(at: pivots)
        left.scale(rows: scales.b, columns: leading.map { 1 / $0 })

        let (leftCombination, rightCombination) = (left, right)
        let sides = Concurrency.map(2, threads: threads) {
            $0 == 0 ? self.combine(.left, by: leftCombination) : self.combine(.right, by: rightCombination)
        }
        guard sides.allSatisfy({ $0.deviation <= Self.tolerableDeviation }) else { return nil }
        return Truncation(
            SingularValueDecomposition(u: sides[0].vectors, singularValues: singularValues, vt: sides[1].vectors),
            residual: max(0, trace - leading.reduce(0, +)).squareRoot()
        )
    }

    /// The core up to which all eigenvectors are computed: that resolves small eigenvalues better, and costs little more.
    private static let smallCore = 512

    /// The largest eigenvalues, descending, and their eigenvectors of a symmetric matrix given by its lower triangle.
    private static func leadingEigenpairs(
        of core: consuming CoreMatrix,
        count: Int
    ) throws(LinearAlgebraError) -> (values: [Double], vectors: CoreMatrix) {
        guard core.rows <= max(smallCore, 4 * count) else { return try LAPACK.factorSymmetric(core, leading: count) }
        let values = try LAPACK.factorSymmetric(&core)
        return (values.suffix(count).reversed(), core.lastColumns(count).reversedColumns())
    }

    /// How far from orthonormal the vectors may be: about what rounding them to 32 bits does to them.
    private static let tolerableDeviation = 1e-6

    /// Returns β and α with βⱼαⱼ = cⱼ and |βⱼ|·‖bⱼ‖ = |αⱼ|·‖aⱼ‖.
    ///
    /// Signs are on β. Both are zero where the component is.
    private func balancedScales(gramOfB: CoreMatrix, gramOfA: CoreMatrix) -> (b: [Double], a: [Double]) {
        let c = coefficients
        var scales = (b: c, a: c)
        for index in c.indices {
            let b = gramOfB[index, index].squareRoot()
            let a = gramOfA[index, index].squareRoot()
            let length = (abs(c[index]) * b * a).squareRoot()
            guard length != 0 else {
                scales.b[index] = 0
                scales.a[index] = 0
                continue
            }
            scales.b[index] = c[index] < 0 ? -length / b : length / b
            scales.a[index] = length / a
        }
        return scales
    }
}

extension CoreMatrix {
    /// K ← diag(d)·K·diag(d) in the lower triangle.
    fileprivate mutating func scaleLowerTriangle(by scales: [Double]) {
        for column in 0..<columns {
            for row in column..<rows {
                self[row, column] *= scales[row] * scales[column]
            }
        }
    }

    /// A ← diag(rows)·A·diag(columns).
    fileprivate mutating func scale(rows rowScales: [Double], columns columnScales: [Double]) {
        for column in 0..<columns {
            for row in 0..<rows {
                self[row, column] *= rowScales[row] * columnScales[column]
            }
        }
    }

    /// Returns the symmetric matrix with row and column i taken from `order[i]`.
    fileprivate func permuted(by order: [Int]) -> CoreMatrix {
        var result = CoreMatrix(rows: rows, columns: columns)
        for column in 0..<columns {
            for row in 0..<rows {
                result[row, column] = self[order[row], order[column]]
            }
        }
        return result
    }

    /// Returns the matrix whose row `places[i]` is row i of this one.
    fileprivate func placingRows(at places: [Int]) -> CoreMatrix {
        var result = CoreMatrix(rows: rows, columns: columns)
        for column in 0..<columns {
            for row in 0..<rows {
                result[places[row], column] = self[row, column]
            }
        }
        return result
    }

    /// How many columns of a triangular product are computed at a time.
    private static let stripWidth = 192

    /// Returns A·L of an L that is zero above the diagonal.
    fileprivate func timesLowerTriangle(_ l: CoreMatrix, threads: Int) -> CoreMatrix {
        let starts = Array(stride(from: 0, to: l.columns, by: Self.stripWidth))
        let strips = Concurrency.map(starts.count, threads: threads) { index in
            let strip = starts[index]..<Swift.min(l.columns, starts[index] + Self.stripWidth)
            let below = strip.lowerBound..<l.rows
            return CoreMatrix.product(self, rows: 0..<rows, columns: below, .stored, by: l, rows: below, columns: strip)
        }
        return CoreMatrix(rows: rows, columns: l.columns, elements: Array(strips.map(\.elements).joined()))
    }

    /// Returns LᵀY, which is symmetric, for this L, zero above the diagonal; only the lower triangle is filled.
    fileprivate func lowerTriangleOfTransposedTimes(_ y: CoreMatrix, threads: Int) -> CoreMatrix {
        let starts = Array(stride(from: 0, to: columns, by: Self.stripWidth))
        let strips = Concurrency.map(starts.count, threads: threads) { index in
            let strip = starts[index]..<Swift.min(columns, starts[index] + Self.stripWidth)
            let below = strip.lowerBound..<rows
            let kept = strip.lowerBound..<columns
            return CoreMatrix.product(self, rows: below, columns: kept, .transposed, by: y, rows: below, columns: strip)
        }
        var result = CoreMatrix(rows: columns, columns: columns)
        for (start, strip) in zip(starts, strips) {
            for column in 0..<strip.columns {
                for row in 0..<strip.rows {
                    result[start + row, start + column] = strip[row, column]
                }
            }
        }
        return result
    }
}
