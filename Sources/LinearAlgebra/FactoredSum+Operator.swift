private import COpenBLAS

/// Products of G with a few vectors, in 64 bits, in one pass over each stack.
///
/// G·X = B·(diag(c)·(A·X)): neither G nor a stack in 64 bits is ever formed. Work is cut by the sizes alone, so results
/// do not depend on how many threads there are.
extension FactoredSum {
    /// Some consecutive terms whose factors are widened together.
    struct TermChunk: Sendable {
        let terms: Range<Int>
        /// The coefficients of their components.
        let coefficients: [Double]
        /// How many components they have.
        var width: Int { coefficients.count }
    }

    /// All terms, cut where a chunk has at least 256 components.
    var termChunks: [TermChunk] {
        var chunks: [TermChunk] = []
        var (start, coefficients): (Int, [Double]) = (0, [])
        for (index, term) in terms.enumerated() {
            coefficients += term.coefficients
            if coefficients.count >= Self.chunkWidth || index == terms.count - 1 {
                chunks.append(TermChunk(terms: start..<index + 1, coefficients: coefficients))
                (start, coefficients) = (index + 1, [])
            }
        }
        return chunks
    }

    /// Returns G·X, rows×l, for an X of columns×l.
    ///
    /// - Complexity: O((rows + columns)·R·l).
    func times(_ x: CoreMatrix, threads: Int) -> CoreMatrix {
        precondition(x.rows == columns, "\(rows)×\(columns) cannot be multiplied by \(x.rows)×\(x.columns)")
        return apply(x, from: .right, threads: threads)
    }

    /// Returns Gᵀ·X, columns×l, for an X of rows×l.
    ///
    /// - Complexity: O((rows + columns)·R·l).
    func transposedTimes(_ x: CoreMatrix, threads: Int) -> CoreMatrix {
        precondition(x.rows == rows, "\(columns)×\(rows) cannot be multiplied by \(x.rows)×\(x.columns)")
        return apply(x, from: .left, threads: threads)
    }

    // MARK: -

    /// How many components a chunk has at least; with a panel as long, 512 KiB.
    private static let chunkWidth = 256

    /// How many rows of B or columns of A are widened at a time.
    private static let passLength = 256

    private func apply(_ x: CoreMatrix, from side: Side, threads: Int) -> CoreMatrix {
        let chunks = termChunks
        let projections = Concurrency.map(chunks.count, threads: threads) { project(x, onto: side, chunks[$0]) }
        return expand(projections, chunks, over: side == .left ? .right : .left, count: x.columns, threads: threads)
    }

    /// diag(c)·BᵀX, or diag(c)·A·X, of one chunk: width×l.
    private func project(_ x: CoreMatrix, onto side: Side, _ chunk: TermChunk) -> CoreMatrix {
        var projection = CoreMatrix(rows: chunk.width, columns: x.columns)
        var panel = [Double](repeating: 0, count: min(x.rows, Self.passLength) * chunk.width)
        for start in stride(from: 0, to: x.rows, by: Self.passLength) {
            let length = min(Self.passLength, x.rows - start)
            Self.widen(terms[chunk.terms], side, start: start, length: length, width: chunk.width, into: &panel)
            unsafe x.elements.withUnsafeBufferPointer { x in
                guard let x = x.baseAddress else { return }
                // Read column by column, a panel of B is width×length and one of A is length×width.
                unsafe cblas_dgemm(
                    CblasColMajor,
                    side == .left ? CblasNoTrans : CblasTrans,
                    CblasNoTrans,
                    blasint(chunk.width),
                    blasint(projection.columns),
                    blasint(length),
                    1,
                    panel,
                    blasint(side == .left ? chunk.width : length),
                    x + start,
                    blasint(side == .left ? rows : columns),
                    1,
                    &projection.elements,
                    blasint(chunk.width)
                )
            }
        }
        projection.scaleRows(by: chunk.coefficients)
        return projection
    }

    /// Σ B·T, or Σ AᵀT, over the chunks' projections T.
    private func expand(
        _ projections: [CoreMatrix],
        _ chunks: [TermChunk],
        over side: Side,
        count: Int,
        threads: Int
    ) -> CoreMatrix {
        let extent = side == .left ? rows : columns
        let starts = Array(stride(from: 0, to: extent, by: Self.passLength))
        let widest = chunks.map(\.width).max() ?? 0
        let blocks = Concurrency.map(starts.count, threads: threads) { index in
            let length = min(Self.passLength, extent - starts[index])
            var block = CoreMatrix(rows: length, columns: count)
            var panel = [Double](repeating: 0, count: length * widest)
            for (chunk, projection) in zip(chunks, projections) {
                Self.widen(
                    terms[chunk.terms],
                    side,
                    start: starts[index],
                    length: length,
                    width: chunk.width,
                    into: &panel
                )
                unsafe cblas_dgemm(
                    CblasColMajor,
                    side == .left ? CblasTrans : CblasNoTrans,
                    CblasNoTrans,
                    blasint(length),
                    blasint(count),
                    blasint(chunk.width),
                    1,
                    panel,
                    blasint(side == .left ? chunk.width : length),
                    projection.elements,
                    blasint(chunk.width),
                    1,
                    &block.elements,
                    blasint(length)
                )
            }
            return block
        }
        var result = CoreMatrix(rows: extent, columns: count)
        for (start, block) in zip(starts, blocks) {
            for column in 0..<count {
                for row in 0..<block.rows {
                    result[start + row, column] = block[row, column]
                }
            }
        }
        return result
    }
}
