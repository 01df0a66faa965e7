/// A sum of scaled low-rank products, G = Σ cᵢBᵢAᵢ, kept as its factors.
///
/// G is rows×columns and is formed only where the stacked factors are wider than G itself. Side by side, the factors are
/// the stacks B (rows×R) and A (R×columns) with a coefficient for each of the R rank-one components, so that
/// G = B·diag(c)·A. Norms and singular vectors of G follow from those three in O((rows + columns)·R²).
package struct FactoredSum: Sendable, Codable {
    /// One product of the sum, B·diag(c)·A.
    struct Term: Sendable, Codable {
        /// rows×r.
        let b: Matrix
        /// r×columns.
        let a: Matrix
        /// c, one value for each of the r components.
        let coefficients: [Double]
    }

    package let rows: Int
    package let columns: Int
    private(set) var terms: [Term] = []

    /// Creates an empty sum, whose value is the zero matrix.
    package init(rows: Int, columns: Int) {
        precondition(rows >= 0 && columns >= 0, "a sum of products cannot be \(rows)×\(columns)")
        self.rows = rows
        self.columns = columns
    }

    /// R, the width of the stacked factors: an upper bound of the rank.
    package var stackedRank: Int {
        terms.reduce(0) { $0 + $1.coefficients.count }
    }

    /// Adds `coefficient`·B·A.
    ///
    /// - Parameters:
    ///   - b: B, rows×r.
    ///   - a: A, r×columns.
    ///   - coefficient: Any finite number; a product with 0 is left out.
    package mutating func add(_ b: Matrix, _ a: Matrix, coefficient: Double = 1) {
        add(b, a, coefficients: [Double](repeating: coefficient, count: b.columns))
    }

    /// Adds `coefficient`·B·A of factors that are read where they lie.
    package mutating func add(_ b: StoredMatrix, _ a: StoredMatrix, coefficient: Double = 1) {
        add(b.resident(), a.resident(), coefficient: coefficient)
    }

    /// Adds B·diag(c)·A: each rank-one component with a coefficient of its own.
    package mutating func add(_ b: Matrix, _ a: Matrix, coefficients: [Double]) {
        precondition(
            b.rows == rows && a.columns == columns && b.columns == a.rows && b.columns == coefficients.count,
            "\(b.rows)×\(b.columns) by \(a.rows)×\(a.columns) is no term of a \(rows)×\(columns) sum"
        )
        guard coefficients.contains(where: { $0 != 0 }) else { return }
        terms.append(Term(b: b, a: a, coefficients: coefficients))
    }

    /// c of all terms, in the order of the stacks.
    var coefficients: [Double] { terms.flatMap(\.coefficients) }

    /// ‖G‖_F, without forming G: ‖G‖² = Σⱼₗ cⱼ·cₗ·(BᵀB)ⱼₗ·(AAᵀ)ⱼₗ.
    ///
    /// Where terms cancel, the result is accurate to about 10⁻⁸ of the largest term.
    ///
    /// - Complexity: O((rows + columns)·R²).
    package func frobeniusNorm(threads: Int = Concurrency.processorCount) -> Double {
        let grams = grams(threads: threads)
        let c = coefficients
        var sum = 0.0
        for column in 0..<c.count {
            for row in column..<c.count {
                let weight: Double = row == column ? 1 : 2
                sum += weight * (c[row] * grams.b[row, column]) * (c[column] * grams.a[row, column])
            }
        }
        return max(sum, 0).squareRoot()
    }

    /// Returns G itself, rows×columns.
    ///
    /// - Complexity: O(rows·columns·R).
    package func dense() -> Matrix {
        Matrix(rows: rows, columns: columns, elements: denseTransposed().elements.map(Float.init))
    }
}
