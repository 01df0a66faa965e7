extension FactoredSum {
    /// A way to the singular vectors of G.
    package enum Route: String, Sendable, Hashable, Codable, CaseIterable {
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
        /// Through products of G with a few vectors, for stacks that are too wide for the others.
        ///
        /// It is within 1 % of the smallest possible error: it measures what it missed, and gives up where that may be more.
        case randomized
        /// Merging a few terms at a time and truncating, in memory that does not depend on how many there are.
        ///
        /// It bounds its error, but not how far that is above the smallest possible one.
        case streaming
    }

    /// Returns the leading singular triplets of G.
    ///
    /// On exact routes the result is within about 10⁻⁷ (relative, Frobenius) of the best approximation of its rank. Where G
    /// has a lower rank than asked for, the missing singular values are 0 and U and V are completed with orthonormal vectors;
    /// of the zero matrix they are the first columns of the identity. Singular values below what 64-bit rounding leaves of
    /// the terms, ε·max(rows, columns)·Σ|cⱼ|·‖bⱼ‖·‖aⱼ‖, count as 0.
    ///
    /// - Parameters:
    ///   - rank: How many triplets to return; at most min(rows, columns) exist.
    ///   - route: The way to compute them, or `nil` to choose by size and to fall back when the first choice gives up.
    ///   - threads: How many threads to use. The result does not depend on it.
    /// - Returns: `rank` triplets, or min(rows, columns) where that is less.
    /// - Throws: ``LinearAlgebraError/notFinite(operation:)`` when a factor or a product of norms is not finite,
    ///   ``LinearAlgebraError/illConditioned(operation:)`` when the Gram route was asked for and gave up, and
    ///   ``LinearAlgebraError/didNotConverge(routine:info:)``.
    /// - Complexity: O((rows + columns)·R² + R³) on exact routes, O((rows + columns)·R·rank) on the others.
    package func truncatedSVD(
        rank: Int,
        route: Route? = nil,
        threads: Int = Concurrency.processorCount
    ) throws(LinearAlgebraError) -> SingularValueDecomposition {
        try truncation(rank: rank, route: route, threads: threads).decomposition
    }

    /// Returns what ``truncatedSVD(rank:route:threads:)`` does, and how it was computed.
    ///
    /// - Parameters:
    ///   - rank: How many triplets to return.
    ///   - route: The way to compute them, or `nil` to choose.
    ///   - tolerableExcess: How far above the smallest possible error, relative, the randomized route may end without
    ///     handing over to an exact one.
    ///   - threads: How many threads to use.
    /// - Returns: The triplets, and the route that gave them with its error.
    /// - Throws: As ``truncatedSVD(rank:route:threads:)``.
    package func truncation(
        rank: Int,
        route: Route? = nil,
        tolerableExcess: Double = 0.01,
        threads: Int = Concurrency.processorCount
    ) throws(LinearAlgebraError) -> (decomposition: SingularValueDecomposition, report: TruncationReport) {
        precondition(rank > 0, "\(rank) triplets were asked for")
        let rank = min(rank, rows, columns)
        let chosen = route ?? preferredRoute(rank: rank)
        defer { release() }
        guard rank > 0 else {
            return report(Truncation(decompositionOfZero(rank: 0), residual: 0), of: chosen)
        }
        switch chosen {
        case .gram:
            if let truncation = try decomposeThroughGrams(rank: rank, threads: threads) {
                return report(truncation, of: .gram)
            }
            guard route == nil else { throw .illConditioned(operation: "Gram route") }
            return report(try decomposeThroughHouseholder(rank: rank, threads: threads), of: .householder)
        case .householder where stackedRank <= min(rows, columns):
            return report(try decomposeThroughHouseholder(rank: rank, threads: threads), of: .householder)
        case .dense, .householder:
            return report(try decomposeDense(rank: rank, threads: threads), of: .dense)
        case .randomized:
            if let truncation = try decomposeRandomized(
                rank: rank,
                tolerableExcess: tolerableExcess,
                threads: threads
            ) {
                return report(truncation, of: .randomized)
            }
            let (truncation, route) = try exactTruncation(rank: rank, threads: threads)
            return report(truncation, of: route)
        case .streaming:
            return report(try decomposeStreaming(rank: rank, threads: threads), of: .streaming)
        }
    }

    /// The exact truncation, whatever it costs, and the route that gave it.
    func exactTruncation(
        rank: Int,
        threads: Int
    ) throws(LinearAlgebraError) -> (truncation: Truncation, route: Route) {
        let rank = min(rank, rows, columns)
        switch exactRoute {
        case .gram:
            if let truncation = try decomposeThroughGrams(rank: rank, threads: threads) { return (truncation, .gram) }
            return (try decomposeThroughHouseholder(rank: rank, threads: threads), .householder)
        case .householder:
            return (try decomposeThroughHouseholder(rank: rank, threads: threads), .householder)
        default:
            return (try decomposeDense(rank: rank, threads: threads), .dense)
        }
    }

    private func report(
        _ truncation: Truncation,
        of route: Route
    ) -> (decomposition: SingularValueDecomposition, report: TruncationReport) {
        (
            truncation.decomposition,
            TruncationReport(
                route: route,
                stackedRank: stackedRank,
                residual: truncation.residual,
                excess: truncation.excess
            )
        )
    }

    /// Feeds the terms to a ``StreamingFactorization`` that keeps four times as many triplets as are asked for.
    private func decomposeStreaming(rank: Int, threads: Int) throws(LinearAlgebraError) -> Truncation {
        var factorization = StreamingFactorization(rows: rows, columns: columns, capacity: 4 * rank)
        for term in terms {
            try factorization.add(term.b, term.a, coefficients: term.coefficients, threads: threads)
        }
        let (decomposition, bound) = try factorization.triplets(rank: rank, threads: threads)
        return Truncation(decomposition, residual: bound, excess: nil)
    }

    // MARK: - Choice

    /// The stack up to which Householder QR costs less than what the Gram route would risk.
    private static let narrowStack = 64

    /// The stack up to which an exact route takes less than about a second.
    private static let wideStack = 2_048

    /// The matrix up to which its dense decomposition takes less than that.
    private static let smallMatrix = 1_024

    private var exactRoute: Route {
        switch stackedRank {
        case ...min(Self.narrowStack, rows, columns): .householder
        case ...min(rows, columns): .gram
        default: .dense
        }
    }

    private func preferredRoute(rank: Int) -> Route {
        // A subspace for most of the triplets costs as much as all of them.
        guard 4 * rank < min(stackedRank, rows, columns) else { return exactRoute }
        switch exactRoute {
        case .gram where stackedRank > Self.wideStack: return .randomized
        case .dense where min(rows, columns) > Self.smallMatrix: return .randomized
        case let route: return route
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
