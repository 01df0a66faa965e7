import LinearAlgebra

/// Causal attention with grouped queries over texts that lie one after the other in one matrix, without padding.
///
/// Each token attends to itself and those before it in its text. Several heads that ask share the keys and values of one
/// (Ainslie et al., 2023). Row i of Q, K and V belongs to token i and holds the heads side by side, so a head is a
/// strided block. The rows of a text ask in panels, and a panel sees no columns beyond its last row: of a long text's
/// products, the half above the diagonal is mostly left out.
struct CausalAttention: Sendable {
    let headCount: Int
    let keyValueHeadCount: Int
    let headWidth: Int

    /// How many rows ask together.
    private static let panelHeight = 128

    private var queryWidth: Int { headCount * headWidth }
    private var keyWidth: Int { keyValueHeadCount * headWidth }

    /// 1/√d.
    private var scale: Float { 1 / Float(headWidth).squareRoot() }

    // MARK: - Passes

    /// Fills `probabilities`, panel by panel, and `context`, which is as large as `query`.
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
        forEachPanel(of: texts) { panel in
            probabilities.withElements(in: panel.probabilities) { p in
                multiply(
                    query.span.extracting(panel.queryElements),
                    by: key.span.extracting(panel.keyElements),
                    .transposed,
                    into: &p,
                    m: panel.asked,
                    n: panel.seen,
                    k: headWidth,
                    strides: (a: queryWidth, b: keyWidth, c: panel.seen)
                )
                Elementwise.causalSoftmax(&p, width: panel.seen, first: panel.first, scale: scale)
                context.withElements(in: panel.queryElements) { context in
                    multiply(
                        p.span,
                        by: value.span.extracting(panel.keyElements),
                        into: &context,
                        m: panel.asked,
                        n: headWidth,
                        k: panel.seen,
                        strides: (a: panel.seen, b: keyWidth, c: queryWidth)
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
        wanted: PackedAttention.Wanted,
        scratch: inout [Float],
        queryGradient: inout [Float],
        keyGradient: inout [Float],
        valueGradient: inout [Float]
    ) {
        scratch.resize(to: largestPanelCount(of: texts))
        queryGradient.resize(to: query.count)
        // Heads and panels add to the same keys and values.
        keyGradient.resize(to: key.count)
        keyGradient.clear()
        valueGradient.resize(to: value.count)
        valueGradient.clear()
        var scratch = scratch.mutableSpan
        var queryGradient = queryGradient.mutableSpan
        var keyGradient = keyGradient.mutableSpan
        var valueGradient = valueGradient.mutableSpan
        forEachPanel(of: texts) { panel in
            let p = probabilities.span.extracting(panel.probabilities)
            let upstream = gradient.span.extracting(panel.queryElements)
            if wanted.contains(.value) {
                valueGradient.withElements(in: panel.keyElements) { valueGradient in
                    multiply(
                        p,
                        .transposed,
                        by: upstream,
                        into: &valueGradient,
                        m: panel.seen,
                        n: headWidth,
                        k: panel.asked,
                        beta: 1,
                        strides: (a: panel.seen, b: queryWidth, c: keyWidth)
                    )
                }
            }
            guard wanted.contains(.query) || wanted.contains(.key) else { return }
            scratch.withElements(in: 0..<panel.asked * panel.seen) { logits in
                multiply(
                    upstream,
                    by: value.span.extracting(panel.keyElements),
                    .transposed,
                    into: &logits,
                    m: panel.asked,
                    n: panel.seen,
                    k: headWidth,
                    strides: (a: queryWidth, b: keyWidth, c: panel.seen)
                )
                // Where the mask is, the probabilities and so these gradients are zero.
                Elementwise.backThroughSoftmax(&logits, of: p, width: panel.seen, scale: scale)
                if wanted.contains(.query) {
                    queryGradient.withElements(in: panel.queryElements) { queryGradient in
                        multiply(
                            logits.span,
                            by: key.span.extracting(panel.keyElements),
                            into: &queryGradient,
                            m: panel.asked,
                            n: headWidth,
                            k: panel.seen,
                            strides: (a: panel.seen, b: keyWidth, c: queryWidth)
                        )
                    }
                }
                if wanted.contains(.key) {
                    keyGradient.withElements(in: panel.keyElements) { keyGradient in
                        multiply(
                            logits.span,
                            .transposed,
                            by: query.span.extracting(panel.queryElements),
                            into: &keyGradient,
                            m: panel.seen,
                            n: headWidth,
                            k: panel.asked,
                            beta: 1,
                            strides: (a: panel.seen, b: queryWidth, c: keyWidth)
                        )
                    }
                }
            }
        }
    }

    // MARK: - Panels

    /// Some rows of one head of one text, with the tokens that they see.
    private struct Panel {
        /// The position of the first row's token.
        let first: Int
        let asked: Int
        let seen: Int
        /// From the panel's first element to its last, within Q and the context.
        let queryElements: Range<Int>
        /// From the first element that is seen to the last, within K and V.
        let keyElements: Range<Int>
        let probabilities: Range<Int>
    }

    private func forEachPanel(of texts: PackedTexts, _ body: (Panel) -> Void) {
        let headsPerKey = headCount / keyValueHeadCount
        var probability = 0
        for text in texts {
            for head in 0..<headCount {
                let keyColumn = head / headsPerKey * headWidth
                for first in stride(from: 0, to: text.count, by: Self.panelHeight) {
                    let seen = min(first + Self.panelHeight, text.count)
                    let asked = seen - first
                    let query = (text.lowerBound + first) * queryWidth + head * headWidth
                    let key = text.lowerBound * keyWidth + keyColumn
                    body(
                        Panel(
                            first: first,
                            asked: asked,
                            seen: seen,
                            queryElements: query..<query + (asked - 1) * queryWidth + headWidth,
                            keyElements: key..<key + (seen - 1) * keyWidth + headWidth,
                            probabilities: probability..<probability + asked * seen
                        )
                    )
                    probability += asked * seen
                }
            }
        }
    }

    private func probabilityCount(of texts: PackedTexts) -> Int {
        texts.reduce(0) { sum, text in
            sum + headCount
                * stride(from: 0, to: text.count, by: Self.panelHeight).reduce(0) { sum, first in
                    let seen = min(first + Self.panelHeight, text.count)
                    return sum + (seen - first) * seen
                }
        }
    }

    private func largestPanelCount(of texts: PackedTexts) -> Int {
        let longest = texts.reduce(0) { max($0, $1.count) }
        return min(longest, Self.panelHeight) * longest
    }
}
