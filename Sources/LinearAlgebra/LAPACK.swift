internal import COpenBLAS

/// The LAPACK routines that this module calls: sizes checked, work space found, `info` turned into an error.
///
/// This file holds those in 64 bits, `LAPACK+Single.swift` those in 32.
/// Everything is column-major. A negative `info` names a wrong argument, which is a mistake of ours; a positive one says
/// that the input was too hard.
enum LAPACK {
    /// Householder reflectors as `geqrf` leaves them: R on and above the diagonal, the reflectors below.
    struct Reflectors<Element: Sendable>: Sendable {
        let rows: Int
        let columns: Int
        var elements: [Element]
        var tau: [Element]
    }

    /// Factors A = Q·R (`dgeqrf`).
    static func factorQR(_ a: consuming CoreMatrix) -> Reflectors<Double> {
        var reflectors = Reflectors(
            rows: a.rows,
            columns: a.columns,
            elements: a.elements,
            tau: [Double](repeating: 0, count: min(a.rows, a.columns))
        )
        guard !reflectors.tau.isEmpty else { return reflectors }
        var (m, n) = (blasint(reflectors.rows), blasint(reflectors.columns))
        var lda = m
        withWorkspace(of: Double.self) { work, lwork, info in
            unsafe dgeqrf_(&m, &n, &reflectors.elements, &lda, &reflectors.tau, &work, &lwork, &info)
        }
        return reflectors
    }

    /// C ← Q·C, or C ← C·Qᵀ when C holds the transpose (`dormqr`).
    ///
    /// C·Qᵀ of a column-major Cᵀ is Q·C of the same numbers read row by row.
    static func applyQ(_ reflectors: Reflectors<Double>, to c: inout CoreMatrix, transposed: Bool = false) {
        precondition((transposed ? c.columns : c.rows) == reflectors.rows, "Q is too long or too short for C")
        guard !reflectors.tau.isEmpty, !c.elements.isEmpty else { return }
        let (side, trans) = transposed ? ("R", "T") : ("L", "N")
        var (m, n, k) = (blasint(c.rows), blasint(c.columns), blasint(reflectors.tau.count))
        var (lda, ldc) = (blasint(reflectors.rows), m)
        withWorkspace(of: Double.self) { work, lwork, info in
            unsafe dormqr_(
                side,
                trans,
                &m,
                &n,
                &k,
                reflectors.elements,
                &lda,
                reflectors.tau,
                &c.elements,
                &ldc,
                &work,
                &lwork,
                &info,
                1,
                1
            )
        }
    }

    /// Factors A = U·Σ·Vᵀ with min(m, n) triplets (`dgesdd`); `vt` is min(m, n)×n.
    static func factorSVD(
        _ a: consuming CoreMatrix
    ) throws(LinearAlgebraError) -> (u: CoreMatrix, s: [Double], vt: CoreMatrix) {
        let count = min(a.rows, a.columns)
        var u = CoreMatrix(rows: a.rows, columns: count)
        var vt = CoreMatrix(rows: count, columns: a.columns)
        var s = [Double](repeating: 0, count: count)
        guard count > 0 else { return (u, s, vt) }
        var (m, n) = (blasint(a.rows), blasint(a.columns))
        var (lda, ldu, ldvt) = (m, m, blasint(count))
        var iwork = [blasint](repeating: 0, count: 8 * count)
        let info = withWorkspace(of: Double.self) { work, lwork, info in
            unsafe dgesdd_(
                "S",
                &m,
                &n,
                &a.elements,
                &lda,
                &s,
                &u.elements,
                &ldu,
                &vt.elements,
                &ldvt,
                &work,
                &lwork,
                &iwork,
                &info,
                1
            )
        }
        guard info == 0 else { throw .didNotConverge(routine: "dgesdd", info: info) }
        return (u, s, vt)
    }

    /// Replaces a symmetric matrix, given by its lower triangle, by its eigenvectors; returns the eigenvalues, ascending
    /// (`dsyevd`).
    static func factorSymmetric(_ a: inout CoreMatrix) throws(LinearAlgebraError) -> [Double] {
        precondition(a.rows == a.columns, "\(a.rows)×\(a.columns) is not square")
        var values = [Double](repeating: 0, count: a.rows)
        guard a.rows > 0 else { return values }
        var n = blasint(a.rows)
        var lda = n
        // LAPACK's documented minimum for eigenvectors.
        var liwork = 3 + 5 * n
        var iwork = [blasint](repeating: 0, count: Int(liwork))
        let info = withWorkspace(of: Double.self) { work, lwork, info in
            unsafe dsyevd_(
                "V",
                "L",
                &n,
                &a.elements,
                &lda,
                &values,
                &work,
                &lwork,
                &iwork,
                &liwork,
                &info,
                1,
                1
            )
        }
        guard info == 0 else { throw .didNotConverge(routine: "dsyevd", info: info) }
        return values
    }

    /// Returns the `count` largest eigenvalues of a symmetric matrix, given by its lower triangle, and their eigenvectors,
    /// both in descending order (`dsyevr`).
    ///
    /// The matrix is brought to three diagonals for all, but only the vectors asked for are computed and brought back.
    static func factorSymmetric(
        _ a: consuming CoreMatrix,
        leading count: Int
    ) throws(LinearAlgebraError) -> (values: [Double], vectors: CoreMatrix) {
        precondition(a.rows == a.columns && 0...a.rows ~= count, "\(a.rows)×\(a.columns) has no \(count) eigenvalues")
        var values = [Double](repeating: 0, count: a.rows)
        var vectors = CoreMatrix(rows: a.rows, columns: count)
        guard count > 0 else { return ([], vectors) }
        var n = blasint(a.rows)
        var (lda, ldz) = (n, n)
        var (first, last, found) = (n - blasint(count) + 1, n, blasint(0))
        // Unused with a range of indices; the smallest tolerance there is.
        var (lower, upper, tolerance) = (0.0, 0.0, 0.0)
        var support = [blasint](repeating: 0, count: 2 * count)
        // LAPACK's documented minimum.
        var liwork = 10 * n
        var iwork = [blasint](repeating: 0, count: Int(liwork))
        let info = withWorkspace(of: Double.self) { work, lwork, info in
            unsafe dsyevr_(
                "V",
                "I",
                "L",
                &n,
                &a.elements,
                &lda,
                &lower,
                &upper,
                &first,
                &last,
                &tolerance,
                &found,
                &values,
                &vectors.elements,
                &ldz,
                &support,
                &work,
                &lwork,
                &iwork,
                &liwork,
                &info,
                1,
                1,
                1
            )
        }
        guard info == 0, Int(found) == count else { throw .didNotConverge(routine: "dsyevr", info: info) }
        return (values.prefix(count).reversed(), vectors.reversedColumns())
    }

    /// Factors a positive semidefinite matrix K, given by its lower triangle, as PᵀKP = L·Lᵀ with as few columns as its
    /// numerical rank (`dpstrf`).
    ///
    /// Pivoting takes the largest remaining diagonal element first, and stops where what remains is rounding.
    ///
    /// - Returns: L, n×rank and zero above the diagonal, and for each of its rows the row of K that it stands for.
    static func factorSemidefinite(_ k: consuming CoreMatrix) -> (l: CoreMatrix, pivots: [Int]) {
        precondition(k.rows == k.columns, "\(k.rows)×\(k.columns) is not square")
        let size = k.rows
        guard size > 0 else { return (k, []) }
        var n = blasint(size)
        var lda = n
        var pivots = [blasint](repeating: 0, count: size)
        var (rank, info): (blasint, blasint) = (0, 0)
        // Negative: stop at n·ε·(largest diagonal element).
        var tolerance = -1.0
        var work = [Double](repeating: 0, count: 2 * size)
        // A positive `info` says that the matrix is rank deficient, which is no failure here.
        unsafe dpstrf_("L", &n, &k.elements, &lda, &pivots, &rank, &tolerance, &work, &info, 1)
        precondition(info >= 0, "argument \(-info) of dpstrf is wrong")
        var l = k.firstColumns(Int(rank))
        for column in 0..<l.columns {
            for row in 0..<column {
                l[row, column] = 0
            }
        }
        return (l, pivots.map { Int($0) - 1 })
    }

    // MARK: -

    /// Calls a routine twice: once to ask how much work space it wants, once to work.
    ///
    /// - Returns: Its `info` where that is positive, or 0.
    @discardableResult
    static func withWorkspace<Element: BinaryFloatingPoint>(
        of type: Element.Type,
        _ routine: (_ work: inout [Element], _ lwork: inout blasint, _ info: inout blasint) -> Void
    ) -> Int {
        var work: [Element] = [0]
        var lwork: blasint = -1
        var info: blasint = 0
        routine(&work, &lwork, &info)
        precondition(info == 0, "argument \(-info) of a LAPACK routine is wrong")
        // LAPACK answers in the work array itself; a float32 answer may have been rounded down.
        let size = work[0].nextUp.rounded(.up)
        lwork = max(1, blasint(size))
        work = [Element](repeating: 0, count: Int(lwork))
        routine(&work, &lwork, &info)
        precondition(info >= 0, "argument \(-info) of a LAPACK routine is wrong")
        return Int(info)
    }
}
