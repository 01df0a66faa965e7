private import CKernels
private import COpenBLAS

/// Work on the stacks in panels that fit in the processor's cache, widened to 64 bits on the way.
///
/// A panel is a block of rows of the stack B, or a block of columns of the stack A. Neither stack is ever copied whole.
extension FactoredSum {
    /// One of the two stacks.
    enum Side: Sendable {
        /// B, rows×R.
        case left
        /// A, R×columns.
        case right
    }

    /// BᵀB and AAᵀ of the stacks without coefficients, R×R; only the lower triangles are filled.
    func grams(threads: Int) -> (b: CoreMatrix, a: CoreMatrix) {
        let grams = Concurrency.map(2, threads: threads) { self.gram(of: $0 == 0 ? .left : .right) }
        return (grams[0], grams[1])
    }

    private func gram(of side: Side) -> CoreMatrix {
        let width = stackedRank
        var gram = CoreMatrix(rows: width, columns: width)
        guard width > 0 else { return gram }
        // BLAS calls the lower triangle of a column-major matrix the upper one of a row-major matrix.
        forEachPanel(of: side) { panel, _, length in
            unsafe panel.withUnsafeBufferPointer { panel in
                unsafe cblas_dsyrk(
                    CblasRowMajor,
                    CblasUpper,
                    side == .left ? CblasTrans : CblasNoTrans,
                    blasint(width),
                    blasint(length),
                    1,
                    panel.baseAddress,
                    blasint(side == .left ? width : length),
                    1,
                    &gram.elements,
                    blasint(width)
                )
            }
        }
        return gram
    }

    /// Combines the stacked vectors: B·X for the left side, Xᵀ·A for the right one, with X of R×m.
    ///
    /// - Returns: The combined vectors, rounded to 32 bits, and how far they are from orthonormal: the largest magnitude
    ///   in the difference of their Gram matrix, taken before the rounding, and the identity.
    func combine(_ side: Side, by x: CoreMatrix) -> (vectors: Matrix, deviation: Double) {
        let (width, count) = (stackedRank, x.columns)
        precondition(x.rows == width, "\(x.rows) coefficients do not combine \(width) vectors")
        var vectors = side == .left ? Matrix(rows: rows, columns: count) : Matrix(rows: count, columns: columns)
        var gram = CoreMatrix(rows: count, columns: count)
        var block = [Double](repeating: 0, count: Self.panelLength * count)
        forEachPanel(of: side) { panel, start, length in
            unsafe panel.withUnsafeBufferPointer { panel in
                // X is column-major R×m, hence row-major m×R.
                if side == .left {
                    unsafe cblas_dgemm(
                        CblasRowMajor,
                        CblasNoTrans,
                        CblasTrans,
                        blasint(length),
                        blasint(count),
                        blasint(width),
                        1,
                        panel.baseAddress,
                        blasint(width),
                        x.elements,
                        blasint(width),
                        0,
                        &block,
                        blasint(count)
                    )
                } else {
                    unsafe cblas_dgemm(
                        CblasRowMajor,
                        CblasNoTrans,
                        CblasNoTrans,
                        blasint(count),
                        blasint(length),
                        blasint(width),
                        1,
                        x.elements,
                        blasint(width),
                        panel.baseAddress,
                        blasint(length),
                        0,
                        &block,
                        blasint(length)
                    )
                }
            }
            unsafe cblas_dsyrk(
                CblasRowMajor,
                CblasUpper,
                side == .left ? CblasTrans : CblasNoTrans,
                blasint(count),
                blasint(length),
                1,
                block,
                blasint(side == .left ? count : length),
                1,
                &gram.elements,
                blasint(count)
            )
            vectors.withMutableElements { target in
                let blockRows = side == .left ? length : count
                let blockColumns = side == .left ? count : length
                unsafe target.withUnsafeMutableBufferPointer { target in
                    guard let base = target.baseAddress else { return }
                    let offset = side == .left ? start * count : start
                    unsafe tributary_round_block(
                        base + offset,
                        side == .left ? count : columns,
                        block,
                        blockColumns,
                        blockRows,
                        blockColumns
                    )
                }
            }
        }
        var deviation = 0.0
        for column in 0..<count {
            for row in column..<count {
                let difference = abs(gram[row, column] - (row == column ? 1 : 0))
                // Written so that NaN is the largest of all.
                deviation = difference <= deviation ? deviation : difference
            }
        }
        return (vectors, deviation)
    }

    /// How many rows or columns a panel has: with R = 320, 256 of them take 640 KiB.
    private static let panelLength = 256

    /// Lends the panels of one side in order: `length`×R row-major for the left side, R×`length` for the right one.
    private func forEachPanel(
        of side: Side,
        _ body: (_ panel: Span<Double>, _ start: Int, _ length: Int) -> Void
    ) {
        let width = stackedRank
        let extent = side == .left ? rows : columns
        var storage = [Double](repeating: 0, count: min(extent, Self.panelLength) * width)
        for start in stride(from: 0, to: extent, by: Self.panelLength) {
            let length = min(Self.panelLength, extent - start)
            fill(&storage, from: side, start: start, length: length, width: width)
            body(storage.span.extracting(first: length * width), start, length)
        }
    }

    private func fill(_ panel: inout [Double], from side: Side, start: Int, length: Int, width: Int) {
        Self.widen(terms[...], side, start: start, length: length, width: width, into: &panel)
    }

    /// Copies a panel of some terms' factors, in 64 bits and without coefficients.
    ///
    /// - Parameters:
    ///   - terms: The terms whose factors stand side by side.
    ///   - side: B, whose panel is `length`×`width` row-major, or A, whose panel is `width`×`length`.
    ///   - start: The panel's first row of B, or column of A.
    ///   - length: How many rows or columns it has.
    ///   - width: How many components the terms have together.
    ///   - panel: Holds at least `length`·`width` elements.
    static func widen(
        _ terms: ArraySlice<Term>,
        _ side: Side,
        start: Int,
        length: Int,
        width: Int,
        into panel: inout [Double]
    ) {
        precondition(panel.count >= length * width, "\(panel.count) elements hold no panel of \(length)×\(width)")
        var offset = 0
        unsafe panel.withUnsafeMutableBufferPointer { panel in
            guard let target = panel.baseAddress else { return }
            for term in terms {
                let rank = term.coefficients.count
                (side == .left ? term.b : term.a).withElements { source in
                    unsafe source.withUnsafeBufferPointer { source in
                        guard let source = source.baseAddress else { return }
                        switch side {
                        case .left:
                            unsafe tributary_widen_block(
                                target + offset,
                                width,
                                source + start * rank,
                                rank,
                                length,
                                rank
                            )
                        case .right:
                            unsafe tributary_widen_block(
                                target + offset * length,
                                length,
                                source + start,
                                term.a.columns,
                                rank,
                                length
                            )
                        }
                    }
                }
                offset += rank
            }
        }
    }
}
