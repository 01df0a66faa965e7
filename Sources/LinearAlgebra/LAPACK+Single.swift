internal import COpenBLAS

extension LAPACK {
    /// Factors A = Q·R (`sgeqrf`).
    static func factorQR(rows: Int, columns: Int, elements: consuming [Float]) -> Reflectors<Float> {
        precondition(elements.count == rows * columns, "\(elements.count) elements do not fill \(rows)×\(columns)")
        var reflectors = Reflectors(
            rows: rows,
            columns: columns,
            elements: elements,
            tau: [Float](repeating: 0, count: min(rows, columns))
        )
        guard !reflectors.tau.isEmpty else { return reflectors }
        var (m, n) = (blasint(rows), blasint(columns))
        var lda = m
        withWorkspace(of: Float.self) { work, lwork, info in
            unsafe sgeqrf_(&m, &n, &reflectors.elements, &lda, &reflectors.tau, &work, &lwork, &info)
        }
        return reflectors
    }

    /// Returns the first min(m, n) columns of Q (`sorgqr`).
    static func formQ(_ reflectors: Reflectors<Float>) -> [Float] {
        var q = Array(reflectors.elements.prefix(reflectors.rows * reflectors.tau.count))
        guard !reflectors.tau.isEmpty else { return q }
        var (m, k) = (blasint(reflectors.rows), blasint(reflectors.tau.count))
        var (n, lda) = (k, m)
        withWorkspace(of: Float.self) { work, lwork, info in
            unsafe sorgqr_(&m, &n, &k, &q, &lda, reflectors.tau, &work, &lwork, &info)
        }
        return q
    }

    /// Row-major C ← Q·C, or Qᵀ·C when `inverse` (`sormqr`); C is m×`columns`.
    static func applyQ(_ reflectors: Reflectors<Float>, toRows c: inout [Float], columns: Int, inverse: Bool = false) {
        precondition(c.count == reflectors.rows * columns, "Q is too long or too short for C")
        guard !reflectors.tau.isEmpty, !c.isEmpty else { return }
        // The rows of C are the columns of Cᵀ, and (Q·C)ᵀ = Cᵀ·Qᵀ.
        let trans = inverse ? "N" : "T"
        var (m, n, k) = (blasint(columns), blasint(reflectors.rows), blasint(reflectors.tau.count))
        var (lda, ldc) = (n, m)
        withWorkspace(of: Float.self) { work, lwork, info in
            unsafe sormqr_(
                "R",
                trans,
                &m,
                &n,
                &k,
                reflectors.elements,
                &lda,
                reflectors.tau,
                &c,
                &ldc,
                &work,
                &lwork,
                &info,
                1,
                1
            )
        }
    }

    /// Factors A = U·Σ·Vᵀ with min(m, n) triplets (`sgesdd`).
    static func factorSVD(
        rows: Int,
        columns: Int,
        elements: consuming [Float]
    ) throws(LinearAlgebraError) -> (u: [Float], s: [Float], vt: [Float]) {
        let count = min(rows, columns)
        var u = [Float](repeating: 0, count: rows * count)
        var vt = [Float](repeating: 0, count: count * columns)
        var s = [Float](repeating: 0, count: count)
        guard count > 0 else { return (u, s, vt) }
        var (m, n) = (blasint(rows), blasint(columns))
        var (lda, ldu, ldvt) = (m, m, blasint(count))
        var iwork = [blasint](repeating: 0, count: 8 * count)
        let info = withWorkspace(of: Float.self) { work, lwork, info in
            unsafe sgesdd_(
                "S",
                &m,
                &n,
                &elements,
                &lda,
                &s,
                &u,
                &ldu,
                &vt,
                &ldvt,
                &work,
                &lwork,
                &iwork,
                &info,
                1
            )
        }
        guard info == 0 else { throw .didNotConverge(routine: "sgesdd", info: info) }
        return (u, s, vt)
    }
}
