import Adapters
import LinearAlgebra
import Synchronization

/// Collects on one way back what per-example gradients follow from.
///
/// Of each adapted layer it keeps the factors of its gradients, dY and u for B and dU and x for A, and adds the squares
/// of each example's gradient to that example's norm. The gradients themselves are never all in memory: a layer's is an
/// r×d product that is thrown away, or its norm comes from inner products of rows where those are fewer.
///
/// The arrays share the pass's buffers until those are written to again.
final class ExampleRecorder: Sendable {
    /// A gradient that is a sum over rows of products of a wide and a narrow row.
    private struct Record {
        /// rows×`width` and rows×`rank` (with rows `stride` apart).
        let wide: [Float]
        let width: Int
        let narrow: [Float]
        let rank: Int
        let stride: Int
        let offset: Int
        let scaling: Float
        /// Whether each row is a text, and not a token.
        let hasRowPerText: Bool
        /// Where the gradient lies, and whether it is stored rank×width and not width×rank.
        let place: Range<Int>
        let isNarrowFirst: Bool
    }

    private struct State {
        var records: [Record] = []
        var squares: [Double]
    }

    private let texts: PackedTexts
    private let trained: TrainedFactors
    /// The frozen B's of modules whose core is trained, by where the gradient of B·R lies.
    private let bases: [Range<Int>: Matrix]
    private let state: Mutex<State>

    init(_ texts: PackedTexts, trained: TrainedFactors, bases: [Range<Int>: Matrix] = [:]) {
        self.texts = texts
        self.trained = trained
        self.bases = bases
        state = Mutex(State(squares: Array(repeating: 0, count: texts.count)))
    }

    /// The norm of each text's gradient, over all that was recorded.
    var norms: [Double] { state.withLock { $0.squares.map { $0.squareRoot() } } }

    // MARK: - Recording

    /// Records the gradient of a member's B: s·dYᵀ·u.
    ///
    /// Where R is trained, the model's B is B·R, and R's gradient is Bᵀ times that: the norm is that of s·(dY·B)ᵀ·u.
    func recordB(_ member: LowRankGroup.Member, of group: LowRankGroup, outputGradient: [Float], u: [Float], rows: Int)
    {
        guard trained.includesB || trained.includesCore else { return }
        func gradient(of wide: [Float], width: Int) -> Record {
            Record(
                wide: wide,
                width: width,
                narrow: u,
                rank: member.rank,
                stride: group.rank,
                offset: member.offset,
                scaling: member.scaling,
                hasRowPerText: rows != texts.tokenCount,
                place: member.b,
                isNarrowFirst: false
            )
        }
        let whole = gradient(of: outputGradient, width: member.outputWidth)
        guard trained.includesCore else {
            record(whole)
            return
        }
        guard let basis = bases[member.b] else { preconditionFailure("a core without its B") }
        let elements = Array(outputGradient.prefix(rows * member.outputWidth))
        let projected = Matrix(rows: rows, columns: member.outputWidth, elements: elements) * basis
        record(whole, measuring: gradient(of: projected.elements, width: basis.columns))
    }

    /// Records the gradient of a group's stacked A's: dUᵀ·x.
    func recordA(of group: LowRankGroup, uGradient: [Float], x: [Float], rows: Int) {
        guard trained.includesA else { return }
        record(
            Record(
                wide: x,
                width: group.inputWidth,
                narrow: uGradient,
                rank: group.rank,
                stride: group.rank,
                offset: 0,
                scaling: 1,
                hasRowPerText: rows != texts.tokenCount,
                place: group.a,
                isNarrowFirst: true
            )
        )
    }

    /// Records the gradients of a head: dᵀ·pooled, and d for the bias.
    func recordHead(_ head: AdapterLayout.Head, logitsGradient: [Float], pooled: [Float], width: Int) {
        let labelCount = head.bias.count
        for (wide, width, place) in [
            (pooled, width, head.weight), ([Float](repeating: 1, count: texts.count), 1, head.bias),
        ] {
            record(
                Record(
                    wide: wide,
                    width: width,
                    narrow: logitsGradient,
                    rank: labelCount,
                    stride: labelCount,
                    offset: 0,
                    scaling: 1,
                    hasRowPerText: true,
                    place: place,
                    isNarrowFirst: true
                )
            )
        }
    }

    /// Keeps a record for the sum, and adds to the norms those of the same or another one.
    private func record(_ record: Record, measuring other: Record? = nil) {
        let squares = texts.indices.map { squareNorm(of: $0, in: other ?? record) }
        state.withLock { state in
            for index in squares.indices { state.squares[index] += squares[index] }
            state.records.append(record)
        }
    }

    // MARK: - Norms

    /// ‖s·wideᵀ·narrow‖² over the rows of one text.
    private func squareNorm(of text: Int, in record: Record) -> Double {
        let rows = rows(of: text, in: record)
        let scale = Double(record.scaling) * Double(record.scaling)
        // Inner products take T²·(d + r) operations, the product itself T·d·r.
        if rows.count * (record.width + record.rank) < record.width * record.rank {
            return scale * squareNormFromInnerProducts(rows, record)
        }
        var product = [Float](repeating: 0, count: record.width * record.rank)
        var target = product.mutableSpan
        addProduct(rows, record, narrow: record.narrow, to: &target)
        return sumOfSquares(product.span)
    }

    /// Σ ⟨wideₜ, wideₛ⟩·⟨narrowₜ, narrowₛ⟩ over pairs of rows.
    private func squareNormFromInnerProducts(_ rows: Range<Int>, _ record: Record) -> Double {
        var sum = 0.0
        for row in rows {
            for other in rows where other <= row {
                let wide = Elementwise.dot(
                    record.wide.span.extracting(row * record.width..<(row + 1) * record.width),
                    record.wide.span.extracting(other * record.width..<(other + 1) * record.width)
                )
                let (first, second) = (row * record.stride + record.offset, other * record.stride + record.offset)
                let narrow = Elementwise.dot(
                    record.narrow.span.extracting(first..<first + record.rank),
                    record.narrow.span.extracting(second..<second + record.rank)
                )
                sum += (row == other ? 1 : 2) * Double(wide) * Double(narrow)
            }
        }
        return max(sum, 0)
    }

    private func rows(of text: Int, in record: Record) -> Range<Int> {
        record.hasRowPerText ? text..<text + 1 : texts[text]
    }

    // MARK: - Sums

    /// Adds Σ weightₑ·gradientₑ to `gradient`, which is as long as the adapter's flat parameters.
    func addSum(weights: [Double], to gradient: inout [Float]) {
        let records = state.withLock { $0.records }
        var gradient = gradient.mutableSpan
        for record in records {
            var narrow = record.narrow
            for text in texts.indices {
                let weight = Float(weights[text])
                for row in rows(of: text, in: record) {
                    let first = row * record.stride + record.offset
                    for index in first..<first + record.rank { narrow[index] *= weight }
                }
            }
            let count = record.hasRowPerText ? texts.count : texts.tokenCount
            gradient.withElements(in: record.place) { target in
                addProduct(0..<count, record, narrow: narrow, to: &target)
            }
        }
    }

    /// target ← target + s·wideᵀ·narrow over some rows, or its transpose.
    private func addProduct(_ rows: Range<Int>, _ record: Record, narrow: [Float], to target: inout MutableSpan<Float>)
    {
        guard let first = rows.first else { return }
        let wide = record.wide.span.extracting(first * record.width..<rows.upperBound * record.width)
        let start = first * record.stride + record.offset
        let slim = narrow.span.extracting(start..<start + (rows.count - 1) * record.stride + record.rank)
        if record.isNarrowFirst {
            multiply(
                slim,
                .transposed,
                by: wide,
                into: &target,
                m: record.rank,
                n: record.width,
                k: rows.count,
                alpha: record.scaling,
                beta: 1,
                strides: (a: record.stride, b: record.width, c: record.width)
            )
        } else {
            multiply(
                wide,
                .transposed,
                by: slim,
                into: &target,
                m: record.width,
                n: record.rank,
                k: rows.count,
                alpha: record.scaling,
                beta: 1,
                strides: (a: record.width, b: record.stride, c: record.rank)
            )
        }
    }
}
