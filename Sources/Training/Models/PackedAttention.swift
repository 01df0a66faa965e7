import LinearAlgebra

/// Scaled dot-product attention over texts that lie one after the other in one matrix, without padding.
///
/// softmax(QKᵀ/√d)·V for each text and head (Vaswani et al., 2017). Row i of Q, K and V belongs to token i and holds the
/// heads side by side, so a head is a strided block; only the right-hand factor of each product is laid out anew.
struct PackedAttention: Sendable {
    /// Which rows of each text ask.
    enum Queries: Sendable {
        /// Every token: Q has a row for each.
        case allTokens
        /// Only the first token of each text: Q has one row a text.
        case firstToken
    }

    /// The gradients that the way back has to find.
    struct Wanted: OptionSet, Sendable {
        let rawValue: Int

        static let query = Wanted(rawValue: 1)
        static let key = Wanted(rawValue: 2)
        static let value = Wanted(rawValue: 4)
        static let all: Wanted = [.query, .key, .value]
    }

    let headCount: Int
    let headWidth: Int
    let queries: Queries

    private var width: Int { headCount * headWidth }

    /// 1/√d.
    private var scale: Float { 1 / Float(headWidth).squareRoot() }

    // MARK: - Sizes

    /// How many probabilities the texts have, over all heads.
    private func probabilityCount(of texts: PackedTexts) -> Int {
        texts.reduce(0) { $0 + probabilityCount(length: $1.count) }
    }

    /// How many probabilities one head has for the longest text.
    private func largestHeadCount(of texts: PackedTexts) -> Int {
        texts.reduce(0) { max($0, probabilityCount(length: $1.count) / headCount) }
    }

    private func probabilityCount(length: Int) -> Int {
        headCount * (queries == .allTokens ? length : 1) * length
    }

    // MARK: - Passes

    /// Fills `probabilities`, text by text and head by head, and `context`, which is as large as `query`.
    func attend(
        query: [Float],
        key: [Float],
        value: [Float],
        in texts: PackedTexts,
        probabilities: inout [Float],
        context: inout [Float],
        packed: inout PackedMatrix
    ) {
        probabilities.resize(to: probabilityCount(of: texts))
        context.resize(to: query.count)
        var probabilities = probabilities.mutableSpan
        var context = context.mutableSpan
        forEachHead(of: texts) { block in
            probabilities.withElements(in: block.probabilities) { p in
                packed.pack(
                    key.span.extracting(block.tokenElements),
                    .transposed,
                    rows: headWidth,
                    columns: block.tokenCount,
                    stride: width
                )
                packed.multiply(
                    query.span.extracting(block.queryElements),
                    m: block.queryCount,
                    into: &p,
                    strides: (x: width, y: block.tokenCount)
                )
                Elementwise.softmax(&p, width: block.tokenCount, scale: scale)
                packed.pack(
                    value.span.extracting(block.tokenElements),
                    rows: block.tokenCount,
                    columns: headWidth,
                    stride: width
                )
                context.withElements(in: block.queryElements) { context in
                    packed.multiply(
                        p.span,
                        m: block.queryCount,
                        into: &context,
                        strides: (x: block.tokenCount, y: width)
                    )
                }
            }
        }
    }

    /// Finds the gradients of Q, K and V from that of the context.
    ///
    /// - Parameters:
    ///   - gradient: The gradient of the context.
    ///   - query: Q of the forward pass.
    ///   - key: K of the forward pass.
    ///   - value: V of the forward pass.
    ///   - probabilities: What the forward pass filled.
    ///   - texts: The texts of the forward pass.
    ///   - wanted: The gradients to find; what the others' buffers hold has no meaning.
    ///   - scratch: A buffer to work in.
    ///   - packed: Another one.
    ///   - queryGradient: Receives the gradient of Q.
    ///   - keyGradient: Receives the gradient of K.
    ///   - valueGradient: Receives the gradient of V.
    func propagate(
        _ gradient: [Float],
        query: [Float],
        key: [Float],
        value: [Float],
        probabilities: [Float],
        in texts: PackedTexts,
        wanted: Wanted,
        scratch: inout [Float],
        packed: inout PackedMatrix,
        queryGradient: inout [Float],
        keyGradient: inout [Float],
        valueGradient: inout [Float]
    ) {
        scratch.resize(to: largestHeadCount(of: texts))
        queryGradient.resize(to: query.count)
        keyGradient.resize(to: key.count)
        valueGradient.resize(to: value.count)
        var scratch = scratch.mutableSpan
        var queryGradient = queryGradient.mutableSpan
        var keyGradient = keyGradient.mutableSpan
        var valueGradient = valueGradient.mutableSpan
        forEachHead(of: texts) { block in
            let (asked, held) = (block.queryCount, block.tokenCount)
            let p = probabilities.span.extracting(block.probabilities)
            let upstream = gradient.span.extracting(block.queryElements)
            if wanted.contains(.value) {
                packed.pack(upstream, rows: asked, columns: headWidth, stride: width)
                valueGradient.withElements(in: block.tokenElements) { valueGradient in
                    packed.multiply(p, .transposed, m: held, into: &valueGradient, strides: (x: held, y: width))
                }
            }
            guard wanted.contains(.query) || wanted.contains(.key) else { return }
            scratch.withElements(in: 0..<asked * held) { logits in
                packed.pack(
                    value.span.extracting(block.tokenElements),
                    .transposed,
                    rows: headWidth,
                    columns: held,
                    stride: width
                )
                packed.multiply(upstream, m: asked, into: &logits, strides: (x: width, y: held))
                Elementwise.backThroughSoftmax(&logits, of: p, width: held, scale: scale)
                if wanted.contains(.query) {
                    packed.pack(
                        key.span.extracting(block.tokenElements),
                        rows: held,
                        columns: headWidth,
                        stride: width
                    )
                    queryGradient.withElements(in: block.queryElements) { queryGradient in
                        packed.multiply(logits.span, m: asked, into: &queryGradient, strides: (x: held, y: width))
                    }
                }
                if wanted.contains(.key) {
                    packed.pack(
                        query.span.extracting(block.queryElements),
                        rows: asked,
                        columns: headWidth,
                        stride: width
                    )
                    keyGradient.withElements(in: block.tokenElements) { keyGradient in
                        packed.multiply(
                            logits.span,
                            .transposed,
                            m: held,
                            into: &keyGradient,
                            strides: (x: held, y: width)
                        )
                    }
                }
            }
        }
    }

    // MARK: - Blocks

    /// Where one head of one text lies.
    private struct Block {
        let queryCount: Int
        let tokenCount: Int
        /// From the head's first element to its last, within Q and the context.
        let queryElements: Range<Int>
        /// From the head's first element to its last, within K and V.
        let tokenElements: Range<Int>
        let probabilities: Range<Int>
    }

    private func forEachHead(of texts: PackedTexts, _ body: (Block) -> Void) {
        var probability = 0
        for (index, text) in texts.enumerated() {
            let queryCount = queries == .allTokens ? text.count : 1
            let firstQuery = queries == .allTokens ? text.lowerBound : index
            for head in 0..<headCount {
                let column = head * headWidth
                body(
                    Block(
                        queryCount: queryCount,
                        tokenCount: text.count,
                        queryElements: elements(row: firstQuery, rows: queryCount, column: column),
                        tokenElements: elements(row: text.lowerBound, rows: text.count, column: column),
                        probabilities: probability..<probability + queryCount * text.count
                    )
                )
                probability += queryCount * text.count
            }
        }
    }

    private func elements(row: Int, rows: Int, column: Int) -> Range<Int> {
        let first = row * width + column
        return first..<first + (rows - 1) * width + headWidth
    }
}
