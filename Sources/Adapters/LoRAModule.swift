package import LinearAlgebra

/// The low-rank factors that adapt one linear layer.
///
/// The layer computes `y = W₀x + s·B(Ax)`, with W₀ out×in, B out×r and A r×in (Hu et al., 2021); where there is a core,
/// `y = W₀x + s·B(R(Ax))` (LoRA-XS, Bałazy et al., 2024).
package struct LoRAModule: Sendable, Equatable, Codable {
    /// A, r×in.
    package var a: Matrix
    /// B, out×r.
    package var b: Matrix
    /// R, r×r, between B and A; `nil` for the identity, as in plain LoRA.
    package var core: Matrix?
    /// LoRA's α, from which ``scaling`` follows.
    package var alpha: Double
    /// Whether the scale is α/√r (rsLoRA, Kalajdzievski 2023) and not α/r.
    package var usesRankStabilizedScaling: Bool

    /// Creates a module from its factors.
    ///
    /// - Precondition: A has as many rows as B has columns, and R as many of both. Readers of files and peers check this
    ///   first.
    package init(
        a: Matrix,
        b: Matrix,
        core: Matrix? = nil,
        alpha: Double,
        usesRankStabilizedScaling: Bool = false
    ) {
        precondition(a.rows == b.columns, "A is \(a.rows)×\(a.columns) but B is \(b.rows)×\(b.columns)")
        precondition(core.map { $0.rows == a.rows && $0.columns == a.rows } ?? true, "R is not \(a.rows)×\(a.rows)")
        self.a = a
        self.b = b
        self.core = core
        self.alpha = alpha
        self.usesRankStabilizedScaling = usesRankStabilizedScaling
    }

    package var rank: Int { a.rows }
    package var inputWidth: Int { a.columns }
    package var outputWidth: Int { b.rows }

    /// s, by which the product is multiplied: α/r, or α/√r with rank-stabilised scaling.
    package var scaling: Double {
        Self.scaling(alpha: alpha, rank: rank, isRankStabilized: usesRankStabilizedScaling)
    }

    /// α/r, or α/√r with rank-stabilised scaling: the one place that says so.
    package static func scaling(alpha: Double, rank: Int, isRankStabilized: Bool) -> Double {
        isRankStabilized ? alpha / Double(rank).squareRoot() : alpha / Double(rank)
    }

    /// The same change of the layer as plain LoRA: B·R takes the place of B.
    package var withoutCore: LoRAModule {
        guard let core else { return self }
        return LoRAModule(a: a, b: b * core, alpha: alpha, usesRankStabilizedScaling: usesRankStabilizedScaling)
    }
}
