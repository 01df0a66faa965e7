/// The matrix-free route: a randomized block Krylov iteration that measures what it missed.
///
/// Musco & Musco, "Randomized block Krylov methods for stronger and faster approximate singular value decomposition",
/// NeurIPS 2015, which keeps every block of the power iteration of Halko, Martinsson & Tropp (SIAM Review 53(2), 2011) at
/// no more passes over the factors:
///
///     Q₁ = orth(G·Ω)                              Ω of m + 10 normal deviates a row
///     Pₖ = orth(GᵀQₖ against P₁…Pₖ₋₁)             one pass
///     Qₖ₊₁ = orth(G·Pₖ against Q₁…Qₖ)             one pass
///     PᵀGᵀQ = Y·S·Xᵀ,  U = Q·X,  V = P·Y          small
///
/// The best approximation of rank m captures Σσⱼ² of ‖G‖², this one Σsⱼ², over j ≤ m. How much it missed is bounded in two
/// ways, of which the smaller counts:
///
/// - By ‖E‖², E = (I − QQᵀ)G, what the subspace has not seen (Ky Fan). It is estimated from ten normal probes that have no
///   part in Q (Hutchinson; Meyer et al., "Hutch++", 2021), and counted three times: even of an E of rank one, ten probes
///   see less than a third in one of forty cases.
/// - By the gain Δ of the latest block, where gains at least halve from block to block, which is slow for this iteration;
///   and by Σ sⱼ·‖E·vⱼ‖ − Δ with the s, v and E of the block before, where no singular value larger than sₘ was outside of
///   its subspace. The larger of the two counts. E·vⱼ falls out of the pass that extends the subspace.
extension FactoredSum {
    /// Returns the leading triplets, or `nil` where the error may be further above the smallest possible than is tolerable.
    func decomposeRandomized(
        rank: Int,
        tolerableExcess: Double,
        threads: Int
    ) throws(LinearAlgebraError) -> Truncation? {
        // The error is √residual, and the smallest one √(residual − missed).
        let tolerableShare = 1 - 1 / ((1 + tolerableExcess) * (1 + tolerableExcess))
        let rounding = try roundingLevel(ofTerms: boundOfTerms(threads: threads))
        guard rounding > 0 else { return Truncation(decompositionOfZero(rank: rank), residual: 0) }
        let width = min(rank + Self.oversampling, rows, columns)
        var generator = CounterGenerator(seed: 0x7472_6962)
        let start = CoreMatrix(gaussian: columns, width + Self.probes, using: &generator)
        let images = times(start, threads: threads)
        guard images.sumOfSquares.isFinite else { throw .notFinite(operation: "sum of low-rank products") }
        let probes = images.lastColumns(Self.probes)

        var subspace = KrylovSubspace(rows: rows, columns: columns)
        var block = subspace.extendLeft(by: images.firstColumns(width))
        var previous: (captured: Double, couplings: Double)?
        for _ in 0..<Self.mostBlocks {
            let p = subspace.extendRight(by: transposedTimes(block, threads: threads))
            let ritz = try subspace.ritzTriplets(rank: rank)
            let unseen = subspace.outside(probes).sumOfSquares / Double(Self.probes)
            let residual = unseen + ritz.rest
            var missed = 3 * unseen
            if let previous {
                let gain = ritz.captured - previous.captured
                missed = min(missed, max(gain, previous.couplings - gain))
            }
            if missed <= residual * tolerableShare || missed <= Self.negligible * (ritz.captured + residual) {
                let decomposition = SingularValueDecomposition(
                    u: ritz.u.rounded(),
                    singularValues: ritz.singularValues.map { $0 > rounding ? $0 : 0 },
                    vt: ritz.v.roundedTransposed()
                )
                let excess = missed < residual ? (residual / (residual - missed)).squareRoot() - 1 : 0
                return Truncation(decomposition, residual: residual.squareRoot(), excess: max(0, excess))
            }
            guard subspace.count < min(rows, columns) else { break }
            let next = times(p, threads: threads)
            previous = (ritz.captured, subspace.couplings(of: ritz, images: next))
            block = subspace.extendLeft(by: next)
        }
        return nil
    }

    /// How many more columns than triplets a block has.
    private static let oversampling = 10

    private static let probes = 10

    /// Blocks beyond which an exact route is the better way.
    private static let mostBlocks = 8

    /// The share of ‖G‖² that rounding the vectors to 32 bits loses anyway.
    private static let negligible = 1e-14

    /// Σ maxⱼ|cⱼ|·‖B‖·‖A‖ over the terms, no less than Σ|cⱼ|·‖bⱼ‖·‖aⱼ‖ and quicker to find.
    private func boundOfTerms(threads: Int) -> Double {
        Concurrency.map(terms.count, threads: threads) { index in
            let term = terms[index]
            let squares = term.b.withElements { sumOfSquares($0) } * term.a.withElements { sumOfSquares($0) }
            return squares.squareRoot() * (term.coefficients.map(abs).max() ?? 0)
        }
        .reduce(0, +)
    }
}

/// Orthonormal bases of what G and its transpose have been applied to, and G between them.
private struct KrylovSubspace {
    /// Q, rows×p.
    private var q: CoreMatrix
    /// P, columns×p.
    private var p: CoreMatrix
    /// GᵀQ, columns×p.
    private var images: CoreMatrix
    /// How many columns the latest block has.
    private var latest = 0

    init(rows: Int, columns: Int) {
        self.q = CoreMatrix(rows: rows, columns: 0)
        self.p = CoreMatrix(rows: columns, columns: 0)
        self.images = CoreMatrix(rows: columns, columns: 0)
    }

    /// p, the dimension.
    var count: Int { q.columns }

    /// Adds an orthonormal block to Q, and returns it.
    mutating func extendLeft(by block: CoreMatrix) -> CoreMatrix {
        latest = min(block.columns, min(q.rows, p.rows) - q.columns)
        let basis = block.firstColumns(latest).orthonormalized(against: q)
        q = q.appendingColumns(of: basis)
        return basis
    }

    /// Takes Gᵀ times the latest block of Q, adds an orthonormal block to P, and returns it.
    mutating func extendRight(by block: CoreMatrix) -> CoreMatrix {
        images = images.appendingColumns(of: block)
        let basis = block.orthonormalized(against: p)
        p = p.appendingColumns(of: basis)
        return basis
    }

    /// Returns (I − QQᵀ)·X.
    func outside(_ x: CoreMatrix) -> CoreMatrix {
        var remainder = x
        remainder.removeComponents(along: q)
        return remainder
    }

    struct RitzTriplets {
        let u: CoreMatrix
        let singularValues: [Double]
        let v: CoreMatrix
        /// The coordinates of V in P.
        let y: CoreMatrix
        /// Σ sⱼ² over the triplets that were asked for.
        let captured: Double
        /// Σ sⱼ² over those that were not.
        let rest: Double
    }

    /// Returns the best triplets within the subspace.
    func ritzTriplets(rank: Int) throws(LinearAlgebraError) -> RitzTriplets {
        let core = try LAPACK.factorSVD(CoreMatrix.product(p, .transposed, by: images))
        let rank = min(rank, core.s.count)
        let y = core.u.firstColumns(rank)
        var x = CoreMatrix(rows: count, columns: rank)
        for column in 0..<rank {
            for row in 0..<count {
                x[row, column] = core.vt[column, row]
            }
        }
        return RitzTriplets(
            u: CoreMatrix.product(q, by: x),
            singularValues: Array(core.s.prefix(rank)),
            v: CoreMatrix.product(p, by: y),
            y: y,
            captured: core.s.prefix(rank).reduce(0) { $0 + $1 * $1 },
            rest: core.s.dropFirst(rank).reduce(0) { $0 + $1 * $1 }
        )
    }

    /// Returns Σ sⱼ·‖E·vⱼ‖, given G times the latest block of P.
    func couplings(of ritz: RitzTriplets, images imagesOfLatest: CoreMatrix) -> Double {
        // G times the earlier blocks of P lies in Q's span: only the latest block reaches out of it.
        var share = CoreMatrix(rows: latest, columns: ritz.y.columns)
        for column in 0..<share.columns {
            for row in 0..<latest {
                share[row, column] = ritz.y[count - latest + row, column]
            }
        }
        let outward = CoreMatrix.product(outside(imagesOfLatest), by: share)
        return ritz.singularValues.enumerated().reduce(0) { sum, triplet in
            let values = outward.elements[triplet.offset * outward.rows..<(triplet.offset + 1) * outward.rows]
            return sum + triplet.element * values.reduce(0) { $0 + $1 * $1 }.squareRoot()
        }
    }
}

extension CoreMatrix {
    /// Creates a matrix of normal deviates.
    fileprivate init(gaussian rows: Int, _ columns: Int, using generator: inout CounterGenerator) {
        self.init(rows: rows, columns: columns, elements: (0..<rows * columns).map { _ in generator.gaussian() })
    }

    /// A ← (I − QQᵀ)·A, twice, because the first time leaves what rounding lost.
    fileprivate mutating func removeComponents(along q: CoreMatrix) {
        guard q.columns > 0 else { return }
        for _ in 0..<2 {
            var components = CoreMatrix.product(q, .transposed, by: self)
            for index in components.elements.indices {
                components.elements[index].negate()
            }
            addProduct(q, components)
        }
    }

    /// Returns an orthonormal basis, orthogonal to Q, of a space that contains what the columns have outside of Q's.
    ///
    /// Columns that depend on others or lie within Q are replaced by some direction that is orthogonal to all. There must
    /// be room for them: Q and A have no more columns than rows.
    fileprivate func orthonormalized(against q: CoreMatrix) -> CoreMatrix {
        var basis = self
        // The second round straightens what the first drew from rounding alone; a third is for nearly full spaces.
        for _ in 0..<3 {
            basis.removeComponents(along: q)
            let reflectors = LAPACK.factorQR(basis)
            basis = CoreMatrix(rows: rows, columns: columns)
            for column in 0..<columns {
                basis[column, column] = 1
            }
            LAPACK.applyQ(reflectors, to: &basis)
        }
        return basis
    }

    /// Returns A, in 32 bits.
    fileprivate func rounded() -> Matrix {
        roundedTransposed().transposed()
    }

    /// Returns Aᵀ, in 32 bits.
    fileprivate func roundedTransposed() -> Matrix {
        Matrix(rows: columns, columns: rows, elements: elements.map(Float.init))
    }
}
