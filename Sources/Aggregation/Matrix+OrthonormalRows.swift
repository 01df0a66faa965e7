import LinearAlgebra

extension Matrix {
    /// Returns rows that span what the rows of A span, each orthonormal to those before it while that is possible.
    ///
    /// By QR of Aᵀ with the signs for which R has a positive diagonal, so orthonormal rows come back as they were. Rows
    /// beyond the width of A repeat the first ones.
    func orthonormalizingRows() -> Matrix {
        let count = min(rows, columns)
        let factorization = QRFactorization(of: firstRows(count).transposed())
        let r = factorization.r
        let signs = (0..<count).map { r[$0, $0] < 0 ? -1 : 1 as Float }
        let q = factorization.q().scalingColumns(by: signs, paddedTo: count)
        return q.transposed().repeatingRows(toCount: rows)
    }
}
