import LinearAlgebra

/// The adapted linear layers that read the same input, whose A factors are stacked into one matrix.
///
/// Each layer adds s·B(Ax) to its output. With the A's on top of each other, u = A·x is one product for all of them, and
/// so are the gradient of A and the share of the input's gradient.
struct LowRankGroup: Sendable {
    /// One adapted layer.
    struct Member: Sendable {
        /// Which of the layers that read this input it is.
        let role: LayerRole
        let rank: Int
        let outputWidth: Int
        /// s: α/r or α/√r.
        let scaling: Float
        /// Its first row in the stack, and so its first column in u.
        let offset: Int
        /// B, out×r, in the flat parameters.
        let b: Range<Int>
    }

    let members: [Member]
    let inputWidth: Int
    /// The stacked A's, rank×in, in the flat parameters.
    let a: Range<Int>
    /// The sum of the ranks.
    let rank: Int

    func member(_ role: LayerRole) -> Member? { members.first { $0.role == role } }

    // MARK: - Forward

    /// u ← x·Aᵀ, where x has `rows` rows.
    func project(_ x: Span<Float>, rows: Int, parameters: Span<Float>, into u: inout MutableSpan<Float>) {
        multiply(x, by: parameters.extracting(a), .transposed, into: &u, m: rows, n: rank, k: inputWidth)
    }

    /// y ← y + s·u·Bᵀ for one member.
    func add(
        _ member: Member,
        of u: Span<Float>,
        rows: Int,
        parameters: Span<Float>,
        to y: inout MutableSpan<Float>
    ) {
        multiply(
            u.extracting(columns(of: member, rows: rows)),
            by: parameters.extracting(member.b),
            .transposed,
            into: &y,
            m: rows,
            n: member.outputWidth,
            k: member.rank,
            alpha: member.scaling,
            beta: 1,
            strides: (a: rank, b: member.rank, c: member.outputWidth)
        )
    }

    // MARK: - Back

    /// Finds the gradients of one member's B, added to `gradient`, and of its columns of u.
    ///
    /// `gradient` is that of all parameters of the adapter; that of B is left out unless `findsB`.
    func propagate(
        _ member: Member,
        outputGradient: Span<Float>,
        u: Span<Float>,
        rows: Int,
        parameters: Span<Float>,
        uGradient: inout MutableSpan<Float>,
        gradient: inout MutableSpan<Float>,
        findsB: Bool = true
    ) {
        if findsB {
            gradient.withElements(in: member.b) { gradient in
                multiply(
                    outputGradient,
                    .transposed,
                    by: u.extracting(columns(of: member, rows: rows)),
                    into: &gradient,
                    m: member.outputWidth,
                    n: member.rank,
                    k: rows,
                    alpha: member.scaling,
                    beta: 1,
                    strides: (a: member.outputWidth, b: rank, c: member.rank)
                )
            }
        }
        uGradient.withElements(in: columns(of: member, rows: rows)) { uGradient in
            multiply(
                outputGradient,
                by: parameters.extracting(member.b),
                into: &uGradient,
                m: rows,
                n: member.rank,
                k: member.outputWidth,
                alpha: member.scaling,
                strides: (a: member.outputWidth, b: member.rank, c: rank)
            )
        }
    }

    /// Adds the gradient of the stacked A's to `gradient`, once those of u are known.
    func propagateToA(uGradient: Span<Float>, x: Span<Float>, rows: Int, gradient: inout MutableSpan<Float>) {
        gradient.withElements(in: a) { gradient in
            multiply(
                uGradient,
                .transposed,
                by: x,
                into: &gradient,
                m: rank,
                n: inputWidth,
                k: rows,
                beta: 1
            )
        }
    }

    /// The adapters' share of the input's gradient: x' ← u'·A, or x' ← x' + u'·A when `adding`.
    func propagateToInput(
        uGradient: Span<Float>,
        rows: Int,
        parameters: Span<Float>,
        adding: Bool,
        inputGradient: inout MutableSpan<Float>
    ) {
        multiply(
            uGradient,
            by: parameters.extracting(a),
            into: &inputGradient,
            m: rows,
            n: inputWidth,
            k: rank,
            beta: adding ? 1 : 0
        )
    }

    /// From the first element of a member's columns in u to the last.
    private func columns(of member: Member, rows: Int) -> Range<Int> {
        guard rows > 0 else { return 0..<0 }
        return member.offset..<member.offset + (rows - 1) * rank + member.rank
    }
}
