/// The Gram route: two R×R Gram matrices in 64 bits, one R×R symmetric eigenproblem, and the m combinations asked for.
///
/// With the coefficients spread over both stacks (B′ = B·diag(β), A′ = diag(α)·A, βα = c):
///
///     B′ᵀB′ = X·Xᵀ                  pivoted Cholesky, X is R×(rank of B)
///     Xᵀ(A′A′ᵀ)X = P·Λ·Pᵀ           has the eigenvalues of GᵀG: Λ = Σ²
///     V = A′ᵀ·(X·P·Σ⁻¹)             because GᵀU = A′ᵀB′ᵀU = VΣ
///     U = B′·(A′A′ᵀ·X·P·Σ⁻²)        because GV = UΣ
extension FactoredSum {
    /// Returns the leading triplets, or `nil` where 64 bits do not hold the square of this sum's condition.
    func decomposeThroughGrams(
        rank: Int,
        threads: Int
    ) throws(LinearAlgebraError) -> SingularValueDecomposition? {
        var (gramOfB, gramOfA) = grams(threads: threads)
        let scales = balancedScales(gramOfB: gramOfB, gramOfA: gramOfA)
        // Each component now has the length √(|c|·‖b‖·‖a‖) on either side: the sum of squares is what they add up to.
        gramOfB.scaleLowerTriangle(by: scales.b)
        gramOfA.scaleLowerTriangle(by: scales.a)
        let rounding = try roundingLevel(ofTerms: gramOfB.trace)
        guard rounding > 0 else { return decompositionOfZero(rank: rank) }
        gramOfA.mirrorLowerTriangle()

        let x = LAPACK.factorSemidefinite(gramOfB)
        guard x.columns >= rank else { return nil }
        let y = CoreMatrix.product(gramOfA, by: x)
        var vectors = CoreMatrix.product(x, .transposed, by: y)
        let eigenvalues = try LAPACK.factorSymmetric(&vectors)

        // Descending, and only as many as asked for.
        let leading = Array(eigenvalues.suffix(rank).reversed())
        guard let last = leading.last, last > Double.ulpOfOne * leading[0] * Double(x.columns) else { return nil }
        let singularValues = leading.map { $0.squareRoot() }
        let p = vectors.reversedLastColumns(rank)
        var right = CoreMatrix.product(x, by: p)
        right.scale(rows: scales.a, columns: singularValues.map { 1 / $0 })
        var left = CoreMatrix.product(y, by: p)
        left.scale(rows: scales.b, columns: leading.map { 1 / $0 })

        let (leftCombination, rightCombination) = (left, right)
        let sides = Concurrency.map(2, threads: threads) {
            $0 == 0 ? self.combine(.left, by: leftCombination) : self.combine(.right, by: rightCombination)
        }
        guard sides.allSatisfy({ $0.deviation <= Self.tolerableDeviation }) else { return nil }
        return SingularValueDecomposition(u: sides[0].vectors, singularValues: singularValues, vt: sides[1].vectors)
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

    /// The last `count` columns, the last one first.
    fileprivate func reversedLastColumns(_ count: Int) -> CoreMatrix {
        var block: [Double] = []
        block.reserveCapacity(rows * count)
        for column in (columns - count..<columns).reversed() {
            block += elements[column * rows..<(column + 1) * rows]
        }
        return CoreMatrix(rows: rows, columns: count, elements: block)
    }
}
