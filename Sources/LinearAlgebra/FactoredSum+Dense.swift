/// The dense route: G formed in 64 bits and factored whole.
extension FactoredSum {
    func decomposeDense(rank: Int, threads: Int) throws(LinearAlgebraError) -> Truncation {
        let rounding = try roundingLevel(ofTerms: magnitudeOfTerms)
        guard rounding > 0 else { return Truncation(decompositionOfZero(rank: rank), residual: 0) }
        // Gᵀ = V·Σ·Uᵀ: read row by row, LAPACK's column-major factors of Gᵀ are Vᵀ and U.
        let factors = try LAPACK.factorSVD(denseTransposed(threads: threads))
        let count = factors.s.count
        let u = Matrix(rows: rows, columns: count, elements: factors.vt.elements.map(Float.init))
        let vt = Matrix(rows: count, columns: columns, elements: factors.u.elements.map(Float.init))
        let decomposition = SingularValueDecomposition(
            u: u.firstColumns(rank),
            singularValues: factors.s.prefix(rank).map { $0 > rounding ? $0 : 0 },
            vt: vt.firstRows(rank)
        )
        return Truncation(decomposition, residual: factors.s.dropFirst(rank).reduce(0) { $0 + $1 * $1 }.squareRoot())
    }

    /// Gᵀ, column by column, which is G row by row.
    ///
    /// Bands of G are independent: each passes once over all terms, a chunk of the stacks at a time.
    func denseTransposed(threads: Int) -> CoreMatrix {
        let chunks = termChunks
        let bands = stride(from: 0, to: rows, by: Self.bandLength).map { $0..<min(rows, $0 + Self.bandLength) }
        let parts = Concurrency.map(bands.count, threads: threads) { index in
            let band = bands[index]
            var part = CoreMatrix(rows: columns, columns: band.count)
            for chunk in chunks {
                let width = chunk.width
                var b = CoreMatrix(rows: width, columns: band.count)
                Self.widen(
                    terms[chunk.terms],
                    .left,
                    start: band.lowerBound,
                    length: band.count,
                    width: width,
                    into: &b.elements
                )
                b.scaleRows(by: chunk.coefficients)
                var a = CoreMatrix(rows: columns, columns: width)
                Self.widen(terms[chunk.terms], .right, start: 0, length: columns, width: width, into: &a.elements)
                part.addProduct(a, b)
            }
            return part
        }
        return CoreMatrix(rows: columns, columns: rows, elements: Array(parts.map(\.elements).joined()))
    }

    /// How many rows of G are formed at a time.
    private static let bandLength = 512

    /// Σ|cⱼ|·‖bⱼ‖·‖aⱼ‖.
    private var magnitudeOfTerms: Double {
        var magnitude = 0.0
        for term in terms {
            let rank = term.coefficients.count
            var squares = [Double](repeating: 0, count: rank)
            term.b.withElements { b in
                var index = 0
                for _ in 0..<rows {
                    for component in 0..<rank {
                        squares[component] += Double(b[index]) * Double(b[index])
                        index += 1
                    }
                }
            }
            term.a.withElements { a in
                for (component, square) in squares.enumerated() {
                    let row = a.extracting(component * columns..<(component + 1) * columns)
                    magnitude += abs(term.coefficients[component]) * (square * sumOfSquares(row)).squareRoot()
                }
            }
        }
        return magnitude
    }
}
