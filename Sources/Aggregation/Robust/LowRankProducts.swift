import Adapters
import LinearAlgebra

/// Low-rank matrices Pᵢ = sᵢBᵢAᵢ of one shape and any ranks, for their inner products.
struct LowRankProducts: Sendable {
    /// One matrix by its factors.
    struct Term: Sendable {
        let a: StoredMatrix
        let b: StoredMatrix
        let scaling: Double

        /// Takes the factors of a module over; a core becomes part of B.
        init(_ module: StoredAdapter.Module) {
            self.a = module.a
            self.b = module.core.map { StoredMatrix(module.b.resident() * $0.resident()) } ?? module.b
            self.scaling = module.scaling
        }

        var rank: Int { a.rows }
    }

    private let terms: [Term]
    /// Runs of terms whose stacked factors are worked on together.
    private let blocks: [Range<Int>]

    /// How wide a block's stacks are, unless a single term is wider: two stacks and their products fit into the cache.
    private static let blockWidth = 512
    /// How many rows of B, or columns of A, are in memory at a time.
    private static let tileLength = 256

    /// Creates the list of matrices.
    init(_ terms: [Term]) {
        self.terms = terms
        var blocks: [Range<Int>] = []
        var start = 0
        var width = 0
        for (index, term) in terms.enumerated() {
            if width > 0, width + term.rank > Self.blockWidth {
                blocks.append(start..<index)
                (start, width) = (index, 0)
            }
            width += term.rank
        }
        blocks.append(start..<terms.count)
        self.blocks = blocks
    }

    /// Returns ⟨Pᵢ, Pⱼ⟩ = sᵢsⱼ·Σ (BᵢᵀBⱼ)∘(AᵢAⱼᵀ), without forming a P.
    func innerProducts() -> InnerProducts {
        var result = InnerProducts(count: terms.count)
        for (index, first) in blocks.enumerated() {
            for second in blocks[index...] {
                addProducts(of: first, with: second, to: &result)
            }
        }
        return result
    }

    private func addProducts(of first: Range<Int>, with second: Range<Int>, to result: inout InnerProducts) {
        let (rows, columns) = (width(of: first), width(of: second))
        var left = [Double](repeating: 0, count: rows * columns)
        var right = left
        accumulate(.left, first, second, into: &left)
        accumulate(.right, first, second, into: &right)
        var row = 0
        for i in first {
            var column = 0
            for j in second {
                if j >= i {
                    var sum = 0.0
                    for k in row..<row + terms[i].rank {
                        for l in column..<column + terms[j].rank {
                            sum += left[k * columns + l] * right[k * columns + l]
                        }
                    }
                    result[i, j] = terms[i].scaling * terms[j].scaling * sum
                    result[j, i] = result[i, j]
                }
                column += terms[j].rank
            }
            row += terms[i].rank
        }
    }

    private enum Side {
        /// Columns of B.
        case left
        /// Rows of A.
        case right
    }

    /// Adds the inner products of all columns of B, or rows of A, of one block with those of another.
    private func accumulate(_ side: Side, _ first: Range<Int>, _ second: Range<Int>, into products: inout [Double]) {
        guard let any = terms.first else { return }
        let length = side == .left ? any.b.rows : any.a.columns
        var sums = products.mutableSpan
        for start in stride(from: 0, to: length, by: Self.tileLength) {
            let range = start..<min(start + Self.tileLength, length)
            let x = tile(side, of: first, in: range)
            let y = first == second ? x : tile(side, of: second, in: range)
            addRowProducts(
                of: x.span,
                rows: width(of: first),
                with: y.span,
                rows: width(of: second),
                length: range.count,
                into: &sums
            )
        }
    }

    /// Returns a part of a block's stack in 64 bits, one component a row.
    private func tile(_ side: Side, of block: Range<Int>, in range: Range<Int>) -> [Double] {
        var tile = [Double](repeating: 0, count: width(of: block) * range.count)
        var offset = 0
        for term in terms[block] {
            let rank = term.rank
            switch side {
            case .left:
                term.b.withElements { b in
                    for component in 0..<rank {
                        let place = offset + component * range.count - range.lowerBound
                        for row in range {
                            tile[place + row] = Double(b[row * rank + component])
                        }
                    }
                }
            case .right:
                let columns = term.a.columns
                term.a.withElements { a in
                    for component in 0..<rank {
                        let place = offset + component * range.count - range.lowerBound
                        for column in range {
                            tile[place + column] = Double(a[component * columns + column])
                        }
                    }
                }
            }
            offset += rank * range.count
        }
        return tile
    }

    private func width(of block: Range<Int>) -> Int {
        terms[block].reduce(0) { $0 + $1.rank }
    }
}
