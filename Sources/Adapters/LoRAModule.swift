package import LinearAlgebra

/// The two low-rank factors that adapt one linear layer.
///
/// The layer computes `y = W₀x + s·B(Ax)`, with W₀ out×in, B out×r and A r×in (Hu et al., 2021).
package struct LoRAModule: Sendable, Equatable, Codable {
    /// A, r×in.
    package var a: Matrix
    /// B, out×r.
    package var b: Matrix
    /// LoRA's α, from which ``scaling`` follows.
    package var alpha: Double
    /// Whether the scale is α/√r (rsLoRA, Kalajdzievski 2023) and not α/r.
    package var usesRankStabilizedScaling: Bool

    /// Creates a module from its factors.
    ///
    /// - Precondition: A has as many rows as B has columns. Readers of files and peers check this first.
    package init(a: Matrix, b: Matrix, alpha: Double, usesRankStabilizedScaling: Bool = false) {
        precondition(a.rows == b.columns, "A is \(a.rows)×\(a.columns) but B is \(b.rows)×\(b.columns)")
        self.a = a
        self.b = b
        self.alpha = alpha
        self.usesRankStabilizedScaling = usesRankStabilizedScaling
    }

    package var rank: Int { a.rows }
    package var inputWidth: Int { a.columns }
    package var outputWidth: Int { b.rows }

    /// s, by which the product BA is multiplied: α/r, or α/√r with rank-stabilised scaling.
    package var scaling: Double {
        usesRankStabilizedScaling ? alpha / Double(rank).squareRoot() : alpha / Double(rank)
    }
}
