/// The leading singular triplets of a sum of low-rank products that is never held whole: merge and truncate.
///
/// Terms are added one by one. A few at a time are merged into UΣVᵀ, of which the leading `capacity` triplets are kept, so
/// memory and the work for a term do not depend on how many there are. Each merge t drops triplets of norm τₜ, and by the
/// triangle inequality ‖G − UΣVᵀ‖_F ≤ Σ τₜ, the ``certificate``. What is dropped depends on the order of the terms; where
/// the rank of every partial sum is at most `capacity`, nothing is.
package struct StreamingFactorization: Sendable {
    package let rows: Int
    package let columns: Int
    /// How many triplets are kept; two to four times as many as are wanted in the end are a good choice.
    package let capacity: Int
    /// How many rank-one components have been added.
    package private(set) var stackedRank = 0
    /// Σ τₜ, and what rounding to 32 bits may have added: an upper bound of ‖G − UΣVᵀ‖_F for the terms merged so far.
    package private(set) var certificate = 0.0
    private var pending: FactoredSum
    private var merged: SingularValueDecomposition?

    /// Creates an empty factorization of rows×columns.
    package init(rows: Int, columns: Int, capacity: Int) {
        precondition(capacity > 0, "a factorization of \(capacity) triplets holds nothing")
        self.rows = rows
        self.columns = columns
        self.capacity = min(capacity, max(1, min(rows, columns)))
        self.pending = FactoredSum(rows: rows, columns: columns)
    }

    /// Adds `coefficient`·B·A.
    ///
    /// The factors are kept until enough components wait for a merge; they may be mapped, and are released afterwards.
    ///
    /// - Throws: The errors of ``FactoredSum/truncatedSVD(rank:route:threads:)``.
    package mutating func add(
        _ b: StoredMatrix,
        _ a: StoredMatrix,
        coefficient: Double = 1,
        threads: Int = Concurrency.processorCount
    ) throws(LinearAlgebraError) {
        try add(b, a, coefficients: [Double](repeating: coefficient, count: b.columns), threads: threads)
    }

    /// Adds B·diag(c)·A: each rank-one component with a coefficient of its own.
    package mutating func add(
        _ b: StoredMatrix,
        _ a: StoredMatrix,
        coefficients: [Double],
        threads: Int = Concurrency.processorCount
    ) throws(LinearAlgebraError) {
        pending.add(b, a, coefficients: coefficients)
        stackedRank += coefficients.count
        if pending.stackedRank >= max(capacity, Self.batchWidth) {
            try merge(threads: threads)
        }
    }

    /// Merges what is pending and returns the leading triplets of the sum so far.
    ///
    /// - Parameters:
    ///   - rank: How many triplets to return, at most ``capacity``.
    ///   - threads: How many threads to use. The result does not depend on it.
    /// - Returns: The triplets, and an upper bound of ‖G − Ĝ‖_F for their product Ĝ.
    /// - Throws: The errors of ``FactoredSum/truncatedSVD(rank:route:threads:)``.
    package mutating func triplets(
        rank: Int,
        threads: Int = Concurrency.processorCount
    ) throws(LinearAlgebraError) -> (decomposition: SingularValueDecomposition, residualBound: Double) {
        precondition(1...capacity ~= rank, "\(rank) of \(capacity) triplets were asked for")
        try merge(threads: threads)
        guard let merged else {
            let zero = pending.decompositionOfZero(rank: min(rank, rows, columns))
            return (zero, 0)
        }
        let dropped = merged.singularValues.dropFirst(rank).reduce(0) { $0 + $1 * $1 }.squareRoot()
        return (merged.prefix(rank), certificate + dropped)
    }

    // MARK: -

    /// How many components wait at least before they are merged: a merge costs about the square of its width.
    private static let batchWidth = 128

    private mutating func merge(threads: Int) throws(LinearAlgebraError) {
        guard pending.stackedRank > 0 else { return }
        var sum = pending
        if let merged {
            sum.add(merged.u, merged.vt, coefficients: merged.singularValues)
        }
        let truncation = try sum.exactTruncation(rank: capacity, threads: threads).truncation
        pending.release()
        pending = FactoredSum(rows: rows, columns: columns)
        merged = truncation.decomposition
        let norm = truncation.decomposition.singularValues.reduce(0) { $0 + $1 * $1 }.squareRoot()
        certificate += truncation.residual + Self.roundingShare * norm
    }

    /// What rounding U and V to 32 bits, 2⁻²⁴ an element each, may do to the product, and as much again for the residual
    /// itself, which 64 bits know to about 10⁻⁸ of the norm.
    private static let roundingShare = 0x1p-22
}
