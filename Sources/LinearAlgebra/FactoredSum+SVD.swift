extension FactoredSum {
    /// A way to the singular vectors of G.
    package enum Route: Sendable, Hashable, CaseIterable {
        /// Through the R×R Gram matrices of the stacks: the fastest, for wide stacks.
        ///
        /// It squares the condition of G in 64 bits, so it resolves singular values down to about 10⁻⁵ of the largest.
        /// It checks the orthonormality that it reached, and gives up where it is worse than that of 32-bit floats.
        case gram
        /// Through Householder QR of both stacks in 64 bits: resolves every singular value, for any stack of at most
        /// min(rows, columns) components.
        case householder
        /// Through G itself, for stacks with more components than G has rows or columns.
        case dense
    }

    /// Returns the leading singular triplets of G.
    ///
    /// The result is within about 10⁻⁷ (relative, Frobenius) of the best approximation of its rank. Where G has a lower
    /// rank than asked for, the missing singular values are 0 and U and V are completed with orthonormal vectors; of the
    /// zero matrix they are the first columns of the identity. Singular values below what 64-bit rounding leaves of the
    /// terms, ε·max(rows, columns)·Σ|cⱼ|·‖bⱼ‖·‖aⱼ‖, count as 0.
    ///
    /// - Parameters:
    ///   - rank: How many triplets to return; at most min(rows, columns) exist.
    ///   - route: The way to compute them, or `nil` to choose by size and to fall back when the first choice gives up.
    ///   - threads: How many threads to use, at most 2. The result does not depend on it.
    /// - Returns: `rank` triplets, or min(rows, columns) where that is less.
    /// - Throws: ``LinearAlgebraError/notFinite(operation:)`` when a factor or a product of norms is not finite,
    ///   ``LinearAlgebraError/illConditioned(operation:)`` when the Gram route was asked for and gave up, and
    ///   ``LinearAlgebraError/didNotConverge(routine:info:)``.
    /// - Complexity: O((rows + columns)·R² + R³).
    package func truncatedSVD(
        rank: Int,
        route: Route? = nil,
        threads: Int = Concurrency.processorCount
    ) throws(LinearAlgebraError) -> SingularValueDecomposition {
        precondition(rank > 0, "\(rank) triplets were asked for")
        let rank = min(rank, rows, columns)
        guard rank > 0 else { return decompositionOfZero(rank: 0) }
        switch route ?? preferredRoute {
        case .gram:
            if let decomposition = try decomposeThroughGrams(rank: rank, threads: threads) {
                return decomposition
            }
            guard route == nil else { throw .illConditioned(operation: "Gram route") }
            return try decomposeThroughHouseholder(rank: rank, threads: threads)
        case .householder:
            return try decomposeThroughHouseholder(rank: rank, threads: threads)
        case .dense:
            return try decomposeDense(rank: rank)
        }
    }

    /// The stack up to which Householder QR costs less than what the Gram route would risk.
    private static let narrowStack = 64

    private var preferredRoute: Route {
        switch stackedRank {
        case ...min(Self.narrowStack, rows, columns): .householder
        case ...min(rows, columns): .gram
        default: .dense
        }
    }

    /// The value below which a singular value is rounding, given Σ|cⱼ|·‖bⱼ‖·‖aⱼ‖.
    func roundingLevel(ofTerms magnitude: Double) throws(LinearAlgebraError) -> Double {
        guard magnitude.isFinite else { throw .notFinite(operation: "sum of low-rank products") }
        return Double.ulpOfOne * Double(max(rows, columns)) * magnitude
    }

    /// The decomposition of the zero matrix: leading columns of the identity, and zeros.
    func decompositionOfZero(rank: Int) -> SingularValueDecomposition {
        var u = Matrix(rows: rows, columns: rank)
        var vt = Matrix(rows: rank, columns: columns)
        for index in 0..<rank {
            u[index, index] = 1
            vt[index, index] = 1
        }
        return SingularValueDecomposition(u: u, singularValues: [Double](repeating: 0, count: rank), vt: vt)
    }
}
