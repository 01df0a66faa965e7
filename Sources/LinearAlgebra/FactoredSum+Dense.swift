/// The dense route: G formed in 64 bits and factored whole.
extension FactoredSum {
    func decomposeDense(rank: Int) throws(LinearAlgebraError) -> SingularValueDecomposition {
        let rounding = try roundingLevel(ofTerms: magnitudeOfTerms)
        guard rounding > 0 else { return decompositionOfZero(rank: rank) }
        // Gᵀ = V·Σ·Uᵀ: read row by row, LAPACK's column-major factors of Gᵀ are Vᵀ and U.
        let factors = try LAPACK.factorSVD(denseTransposed())
        let count = factors.s.count
        let u = Matrix(rows: rows, columns: count, elements: factors.vt.elements.map(Float.init))
        let vt = Matrix(rows: count, columns: columns, elements: factors.u.elements.map(Float.init))
        return SingularValueDecomposition(
            u: u.firstColumns(rank),
            singularValues: factors.s.prefix(rank).map { $0 > rounding ? $0 : 0 },
            vt: vt.firstRows(rank)
        )
    }

    /// Gᵀ, column by column, which is G row by row.
    func denseTransposed() -> CoreMatrix {
        var sum = CoreMatrix(rows: columns, columns: rows)
        for term in terms {
            let rank = term.coefficients.count
            let a = CoreMatrix(rows: columns, columns: rank, elements: term.a.elements.map(Double.init))
            var scaled = CoreMatrix(rows: rank, columns: rows, elements: term.b.elements.map(Double.init))
            for row in 0..<rows {
                for component in 0..<rank {
                    scaled[component, row] *= term.coefficients[component]
                }
            }
            sum.addProduct(a, scaled)
        }
        return sum
    }

    /// Σ|cⱼ|·‖bⱼ‖·‖aⱼ‖.
    private var magnitudeOfTerms: Double {
        var magnitude = 0.0
        for term in terms {
            let rank = term.coefficients.count
            var squares = [Double](repeating: 0, count: rank)
            for (index, value) in term.b.elements.enumerated() {
                squares[index % rank] += Double(value) * Double(value)
            }
            for (component, square) in squares.enumerated() {
                let row = term.a.elements.span.extracting(component * columns..<(component + 1) * columns)
                magnitude += abs(term.coefficients[component]) * (square * sumOfSquares(row)).squareRoot()
            }
        }
        return magnitude
    }
}
