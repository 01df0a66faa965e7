private import Foundation
package import LinearAlgebra

/// The angles between two subspaces, each given by a matrix with orthonormal columns.
///
/// Cosines are the singular values of U₁ᵀU₂, sines those of what is left of the smaller basis outside of the larger
/// (Björck & Golub, Mathematics of Computation 27, 1973). Small angles are read off sines and large ones off cosines,
/// so that each is accurate to about 10⁻⁶.
package struct PrincipalAngles: Sendable, Hashable {
    /// In radians, ascending; as many as the smaller subspace has dimensions.
    package let radians: [Double]

    /// - Parameters:
    ///   - first: d×p with orthonormal columns.
    ///   - second: d×q with orthonormal columns.
    /// - Throws: `LinearAlgebraError` when an element is not finite.
    /// - Complexity: O(d·(p + q)²).
    package init(between first: Matrix, and second: Matrix) throws(LinearAlgebraError) {
        precondition(first.rows == second.rows, "subspaces of \(first.rows) and \(second.rows) dimensions")
        let (larger, smaller) = first.columns >= second.columns ? (first, second) : (second, first)
        guard smaller.columns > 0 else {
            self.radians = []
            return
        }
        let inner = larger.transposedTimes(smaller)
        let cosines = try SingularValueDecomposition(of: inner).singularValues
        let outside = QRFactorization(of: smaller - larger * inner).r
        let sines = try SingularValueDecomposition(of: outside).singularValues.reversed()
        self.radians = zip(cosines, sines).map { cosine, sine in
            cosine * cosine > 0.5 ? asin(min(sine, 1)) : acos(min(cosine, 1))
        }
    }

    package var degrees: [Double] { radians.map { $0 * 180 / .pi } }

    /// Σ cos²θ over the number of angles: 1 where one subspace lies in the other, 0 where they are orthogonal.
    ///
    /// The subspace similarity φ of Hu et al. (LoRA, 2021, section 7.2).
    package var overlap: Double? {
        radians.isEmpty ? nil : radians.reduce(0) { $0 + cos($1) * cos($1) } / Double(radians.count)
    }
}
