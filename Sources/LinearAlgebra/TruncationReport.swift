/// How a truncation was computed, and how good it is.
package struct TruncationReport: Sendable, Equatable {
    /// The route that gave the result: where one was tried and gave up, the one after it.
    package let route: FactoredSum.Route
    /// R, how many rank-one components the sum has.
    package let stackedRank: Int
    /// The error of the result, ‖G − Ĝ‖_F.
    ///
    /// Exact routes know it from the singular values, the randomized one estimates what lies outside of its subspace, and of
    /// the streaming one it is an upper bound.
    package let residual: Double
    /// How far the residual may lie above the smallest possible one, relative: 0 on exact routes, at most 0.01 on the
    /// randomized one, `nil` where the route bounds the residual alone.
    package let excess: Double?
}

extension TruncationReport: CustomStringConvertible {
    package var description: String {
        let quality = excess.map { $0 > 0 ? ", at most \($0) above the smallest" : ", the smallest" } ?? " at most"
        return "\(route) route, \(stackedRank) components, residual \(residual)\(quality)"
    }
}

/// A decomposition and what its route knows about it.
struct Truncation {
    let decomposition: SingularValueDecomposition
    let residual: Double
    let excess: Double?

    init(_ decomposition: SingularValueDecomposition, residual: Double, excess: Double? = 0) {
        self.decomposition = decomposition
        self.residual = residual
        self.excess = excess
    }
}
