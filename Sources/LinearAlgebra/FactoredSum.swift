/// A sum of scaled low-rank products, G = Σ cᵢBᵢAᵢ, kept as its factors.
///
/// G is rows×columns and is formed only where the stacked factors are wider than G itself. Side by side, the factors are
/// the stacks B (rows×R) and A (R×columns) with a coefficient for each of the R rank-one components, so that
/// G = B·diag(c)·A. Norms and singular vectors of G follow from those three in O((rows + columns)·R²).
///
/// Factors may lie in mapped files: the stacks are read in panels and never copied whole, except by the Householder route.
package struct FactoredSum: Sendable {
    /// One product of the sum, B·diag(c)·A.
    struct Term: Sendable {
        /// rows×r.
        let b: StoredMatrix
        /// r×columns.
        let a: StoredMatrix
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
    package mutating func add(_ b: StoredMatrix, _ a: StoredMatrix, coefficient: Double = 1) {
        add(b, a, coefficients: [Double](repeating: coefficient, count: b.columns))
    }

    /// Adds B·diag(c)·A: each rank-one component with a coefficient of its own.
    package mutating func add(_ b: StoredMatrix, _ a: StoredMatrix, coefficients: [Double]) {
        precondition(
            b.rows == rows && a.columns == columns && b.columns == a.rows && b.columns == coefficients.count,
            "\(b.rows)×\(b.columns) by \(a.rows)×\(a.columns) is no term of a \(rows)×\(columns) sum"
        )
        guard coefficients.contains(where: { $0 != 0 }) else { return }
        terms.append(Term(b: b, a: a, coefficients: coefficients))
    }

    /// Adds `coefficient`·B·A of matrices in memory.
    package mutating func add(_ b: Matrix, _ a: Matrix, coefficient: Double = 1) {
        add(StoredMatrix(b), StoredMatrix(a), coefficient: coefficient)
    }

    /// Adds B·diag(c)·A of matrices in memory.
    package mutating func add(_ b: Matrix, _ a: Matrix, coefficients: [Double]) {
        add(StoredMatrix(b), StoredMatrix(a), coefficients: coefficients)
    }

    /// Gives back the memory under mapped factors; they stay readable.
    package func release() {
        for term in terms {
            term.b.release()
            term.a.release()
        }
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
    package func dense(threads: Int = Concurrency.processorCount) -> Matrix {
        Matrix(rows: rows, columns: columns, elements: denseTransposed(threads: threads).elements.map(Float.init))
    }
}
