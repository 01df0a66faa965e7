import LinearAlgebra

/// Scaled dot-product attention over texts that lie one after the other in one matrix, without padding.
///
/// softmax(QKᵀ/√d)·V for each text and head (Vaswani et al., 2017). Row i of Q, K and V belongs to token i and holds the
/// heads side by side, so a head is a strided block and nothing is copied or transposed.
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
        context: inout [Float]
    ) {
        probabilities.resize(to: probabilityCount(of: texts))
        context.resize(to: query.count)
        var probabilities = probabilities.mutableSpan
        var context = context.mutableSpan
        forEachHead(of: texts) { block in
            probabilities.withElements(in: block.probabilities) { p in
                multiply(
                    query.span.extracting(block.queryElements),
                    by: key.span.extracting(block.tokenElements),
                    .transposed,
                    into: &p,
                    m: block.queryCount,
                    n: block.tokenCount,
                    k: headWidth,
                    strides: (a: width, b: width, c: block.tokenCount)
                )
                Elementwise.softmax(&p, width: block.tokenCount, scale: scale)
                context.withElements(in: block.queryElements) { context in
                    multiply(
                        p.span,
                        by: value.span.extracting(block.tokenElements),
                        into: &context,
                        m: block.queryCount,
                        n: headWidth,
                        k: block.tokenCount,
                        strides: (a: block.tokenCount, b: width, c: width)
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
                valueGradient.withElements(in: block.tokenElements) { valueGradient in
                    multiply(
                        p,
                        .transposed,
                        by: upstream,
                        into: &valueGradient,
                        m: held,
                        n: headWidth,
                        k: asked,
                        strides: (a: held, b: width, c: width)
                    )
                }
            }
            guard wanted.contains(.query) || wanted.contains(.key) else { return }
            scratch.withElements(in: 0..<asked * held) { logits in
                multiply(
                    upstream,
                    by: value.span.extracting(block.tokenElements),
                    .transposed,
                    into: &logits,
                    m: asked,
                    n: held,
                    k: headWidth,
                    strides: (a: width, b: width, c: held)
                )
                Elementwise.backThroughSoftmax(&logits, of: p, width: held, scale: scale)
                if wanted.contains(.query) {
                    queryGradient.withElements(in: block.queryElements) { queryGradient in
                        multiply(
                            logits.span,
                            by: key.span.extracting(block.tokenElements),
                            into: &queryGradient,
                            m: asked,
                            n: headWidth,
                            k: held,
                            strides: (a: held, b: width, c: width)
                        )
                    }
                }
                if wanted.contains(.key) {
                    keyGradient.withElements(in: block.tokenElements) { keyGradient in
                        multiply(
                            logits.span,
                            .transposed,
                            by: query.span.extracting(block.queryElements),
                            into: &keyGradient,
                            m: held,
                            n: headWidth,
                            k: asked,
                            strides: (a: held, b: width, c: width)
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
