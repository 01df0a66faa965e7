private import COpenBLAS

/// A scaled low-rank product c·B·A that is kept as its factors.
///
/// Inner products, and with them norms and distances, follow from the small matrices between the factors:
///
///     ⟨B₁A₁, B₂A₂⟩ = tr((B₁A₁)ᵀ·B₂A₂) = Σⱼₗ (B₁ᵀB₂)ⱼₗ·(A₁A₂ᵀ)ⱼₗ
///
/// so products of different ranks are compared without forming either.
package struct LowRankProduct: Sendable {
    /// B, rows×r.
    package let b: StoredMatrix
    /// A, r×columns.
    package let a: StoredMatrix
    /// c.
    package let scale: Double

    /// Creates the product `scale`·B·A.
    ///
    /// - Precondition: B has as many columns as A has rows.
    package init(_ b: StoredMatrix, _ a: StoredMatrix, scale: Double = 1) {
        precondition(
            b.columns == a.rows,
            "\(b.rows)×\(b.columns) cannot be multiplied by \(a.rows)×\(a.columns)"
        )
        self.b = b
        self.a = a
        self.scale = scale
    }

    /// Returns ⟨P, Q⟩_F, the sum of the products of their elements, computed in 64 bits.
    ///
    /// Not finite where a factor is not.
    ///
    /// - Complexity: O((rows + columns)·r·r′).
    package func innerProduct(with other: LowRankProduct) -> Double {
        Self.innerProducts(of: [self], with: [other])[0]
    }

    /// Returns the inner products of all pairs, n×n, row by row.
    ///
    /// ‖Pᵢ − Pⱼ‖² is Kᵢᵢ + Kⱼⱼ − 2Kᵢⱼ, which rounding may leave a little below 0; of equal factors it is exactly 0. A pair's
    /// bits depend on its factors and on which comes first, not on the other pairs or on `threads`.
    ///
    /// - Parameters:
    ///   - products: P₁…Pₙ, all of the same shape, whatever their ranks.
    ///   - threads: How many threads to use.
    /// - Returns: K, symmetric.
    /// - Complexity: O((rows + columns)·R²) for the sum R of the ranks.
    package static func innerProducts(
        of products: [LowRankProduct],
        threads: Int = Concurrency.processorCount
    ) -> [Double] {
        let blocks = stride(from: 0, to: products.count, by: blockSize).map {
            $0..<min(products.count, $0 + blockSize)
        }
        let pairs = blocks.indices.flatMap { first in (first..<blocks.count).map { (first, $0) } }
        let results = Concurrency.map(pairs.count, threads: threads) { index in
            innerProducts(of: products[blocks[pairs[index].0]], with: products[blocks[pairs[index].1]])
        }
        var gram = [Double](repeating: 0, count: products.count * products.count)
        for (pair, result) in zip(pairs, results) {
            let (rows, columns) = (blocks[pair.0], blocks[pair.1])
            for row in rows {
                for column in columns where row <= column {
                    let value = result[(row - rows.lowerBound) * columns.count + column - columns.lowerBound]
                    gram[row * products.count + column] = value
                    gram[column * products.count + row] = value
                }
            }
        }
        return gram
    }

    // MARK: -

    private var term: FactoredSum.Term {
        FactoredSum.Term(b: b, a: a, coefficients: [Double](repeating: scale, count: a.rows))
    }

    /// How many products share the widening of their factors.
    private static let blockSize = 16

    /// How many rows of B or columns of A are widened at a time.
    private static let panelLength = 128

    /// The inner products of each of `left` with each of `right`, row by row.
    private static func innerProducts(
        of left: ArraySlice<LowRankProduct>,
        with right: ArraySlice<LowRankProduct>
    ) -> [Double] {
        guard let (rows, columns) = left.first.map({ ($0.b.rows, $0.a.columns) }) else { return [] }
        precondition(
            (left + right).allSatisfy { $0.b.rows == rows && $0.a.columns == columns },
            "the products differ in shape"
        )
        let terms = (left: left.map(\.term), right: right.map(\.term))
        let b = crossGrams(terms.left, terms.right, .left, extent: rows)
        let a = crossGrams(terms.left, terms.right, .right, extent: columns)
        var values: [Double] = []
        for (row, first) in left.enumerated() {
            for (column, second) in right.enumerated() {
                let pair = row * right.count + column
                var sum = 0.0
                for index in b[pair].indices {
                    sum += b[pair][index] * a[pair][index]
                }
                values.append(first.scale * second.scale * sum)
            }
        }
        return values
    }

    /// B₁ᵀB₂, or A₁A₂ᵀ, of all pairs of terms, each r×r′ row by row.
    private static func crossGrams(
        _ left: [FactoredSum.Term],
        _ right: [FactoredSum.Term],
        _ side: FactoredSum.Side,
        extent: Int
    ) -> [[Double]] {
        let ranks = (left: left.map(\.a.rows), right: right.map(\.a.rows))
        let widths = (left: ranks.left.reduce(0, +), right: ranks.right.reduce(0, +))
        var grams = ranks.left.flatMap { r in ranks.right.map { [Double](repeating: 0, count: r * $0) } }
        var panels = (
            left: [Double](repeating: 0, count: panelLength * widths.left),
            right: [Double](repeating: 0, count: panelLength * widths.right)
        )
        for start in stride(from: 0, to: extent, by: panelLength) {
            let length = min(panelLength, extent - start)
            FactoredSum.widen(left[...], side, start: start, length: length, width: widths.left, into: &panels.left)
            FactoredSum.widen(right[...], side, start: start, length: length, width: widths.right, into: &panels.right)
            var offset = (left: 0, right: 0)
            for (row, m) in ranks.left.enumerated() {
                offset.right = 0
                for (column, n) in ranks.right.enumerated() {
                    unsafe panels.left.withUnsafeBufferPointer { first in
                        unsafe panels.right.withUnsafeBufferPointer { second in
                            guard m > 0, n > 0, let first = first.baseAddress, let second = second.baseAddress else {
                                return
                            }
                            // A panel of B is length×width, one of A is width×length.
                            unsafe cblas_dgemm(
                                CblasRowMajor,
                                side == .left ? CblasTrans : CblasNoTrans,
                                side == .left ? CblasNoTrans : CblasTrans,
                                blasint(m),
                                blasint(n),
                                blasint(length),
                                1,
                                first + (side == .left ? offset.left : offset.left * length),
                                blasint(side == .left ? widths.left : length),
                                second + (side == .left ? offset.right : offset.right * length),
                                blasint(side == .left ? widths.right : length),
                                1,
                                &grams[row * ranks.right.count + column],
                                blasint(n)
                            )
                        }
                    }
                    offset.right += n
                }
                offset.left += m
            }
        }
        return grams
    }
}
