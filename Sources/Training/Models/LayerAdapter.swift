import LinearAlgebra

/// The adapters as one layer of the model sees them: the low-rank groups of each segment of its rows.
///
/// Most batches have one segment. Where mini-batches of several clients are fused, each client's rows are a segment with
/// groups, ranks, masks and gradients of its own; every product here is the one that its client computes alone.
///
/// Buffers of u = A·x hold the segments' blocks one after the other, each rows×rank.
struct LayerAdapter: Sendable {
    /// Rows that share an adapter.
    struct Segment: Sendable {
        let groups: AdapterLayout.Layer
        /// The flat parameters of the whole adapter.
        let parameters: [Float]
        /// `nil` when nothing is dropped, as in evaluation.
        let dropout: Dropout?
        /// Its rows in matrices with a row a token, and in those with a row a text.
        let tokens: Range<Int>
        let texts: Range<Int>
        /// Where its numbers lie in a gradient.
        let gradient: Range<Int>
    }

    /// LoRA dropout: zeroes elements of the input, for the adapter's branch alone.
    ///
    /// Layers that read the same input share one mask. The masks follow from the seed, so the way back draws them again.
    struct Dropout: Sendable {
        let probability: Float
        var seed: UInt64

        func seed(for input: LayerInput) -> UInt64 { seed &+ UInt64(input.rawValue) &* 0x9E37_79B9_7F4A_7C15 }
    }

    let segments: [Segment]
    /// Takes the place of the gradient of A and B where each text's is of interest; there is one segment then.
    var recorder: ExampleRecorder?

    /// What a layer sees that nothing adapts.
    static let unadapted = LayerAdapter(segments: [])

    func isAdapted(_ input: LayerInput) -> Bool { segments.contains { $0.groups[input] != nil } }

    func isAdapted(_ role: LayerRole, at input: LayerInput) -> Bool {
        segments.contains { $0.groups[input]?.member(role) != nil }
    }

    // MARK: - Segments

    /// How many elements u has for `rows` rows of an input.
    func projectionCount(at input: LayerInput, rows: Int) -> Int {
        var count = 0
        forEachGroup(at: input, rows: rows) { count = $0.u.upperBound }
        return count
    }

    /// A segment whose layers that read an input are adapted.
    private struct Part {
        let segment: Segment
        let group: LowRankGroup
        let rows: Range<Int>
        /// Its block of u.
        let u: Range<Int>

        /// Its elements in a matrix of all rows.
        func elements(width: Int) -> Range<Int> { rows.lowerBound * width..<rows.upperBound * width }
    }

    private func forEachGroup(at input: LayerInput, rows: Int, _ body: (Part) -> Void) {
        var start = 0
        for segment in segments {
            guard let group = segment.groups[input] else { continue }
            let own = self.rows(of: segment, among: rows)
            let count = own.count * group.rank
            body(Part(segment: segment, group: group, rows: own, u: start..<start + count))
            start += count
        }
    }

    /// The rows of a segment in a matrix that has a row a token or a row a text.
    private func rows(of segment: Segment, among rows: Int) -> Range<Int> {
        guard segments.count > 1, let last = segments.last else { return 0..<rows }
        if rows == last.tokens.upperBound { return segment.tokens }
        precondition(rows == last.texts.upperBound, "\(rows) rows are neither tokens nor texts")
        return segment.texts
    }

    // MARK: - Forward

    /// u ← A·x of the layers that read `input`; `scratch` holds what dropout leaves of x.
    func project(
        _ x: [Float],
        at input: LayerInput,
        rows: Int,
        into u: inout [Float],
        scratch: inout [Float]
    ) {
        u.resize(to: projectionCount(at: input, rows: rows))
        var u = u.mutableSpan
        forEachGroup(at: input, rows: rows) { part in
            let own = x.span.extracting(part.elements(width: part.group.inputWidth))
            u.withElements(in: part.u) { u in
                withDropped(own, at: input, of: part.segment, scratch: &scratch) {
                    part.group.project($0, rows: part.rows.count, parameters: part.segment.parameters.span, into: &u)
                }
            }
        }
    }

    /// y ← y + s·B·u, when the layer `role` is adapted.
    func add(_ role: LayerRole, at input: LayerInput, of u: [Float], rows: Int, to y: inout [Float]) {
        var y = y.mutableSpan
        forEachGroup(at: input, rows: rows) { part in
            guard let member = part.group.member(role) else { return }
            y.withElements(in: part.elements(width: member.outputWidth)) { y in
                part.group.add(
                    member,
                    of: u.span.extracting(part.u),
                    rows: part.rows.count,
                    parameters: part.segment.parameters.span,
                    to: &y
                )
            }
        }
    }

    /// Adapts the only layer that reads `input`: u ← A·x and y ← y + s·B·u.
    func adapt(
        _ role: LayerRole,
        at input: LayerInput,
        _ x: [Float],
        rows: Int,
        u: inout [Float],
        y: inout [Float],
        scratch: inout [Float]
    ) {
        project(x, at: input, rows: rows, into: &u, scratch: &scratch)
        add(role, at: input, of: u, rows: rows, to: &y)
    }

    // MARK: - Back

    /// The way back through ``adapt(_:at:_:rows:u:y:scratch:)``, up to the gradients of A, B and u.
    func propagateAdapted(
        _ role: LayerRole,
        at input: LayerInput,
        _ x: [Float],
        rows: Int,
        outputGradient: [Float],
        u: [Float],
        uGradient: inout [Float],
        gradient: inout [Float],
        scratch: inout [Float]
    ) {
        guard isAdapted(input) else { return }
        uGradient.resize(to: projectionCount(at: input, rows: rows))
        propagate(
            role,
            at: input,
            outputGradient: outputGradient,
            u: u,
            rows: rows,
            uGradient: &uGradient,
            gradient: &gradient
        )
        propagateToA(at: input, x, rows: rows, uGradient: uGradient, gradient: &gradient, scratch: &scratch)
    }

    /// Finds the gradients of B and of u for the layer `role`, where it is adapted.
    func propagate(
        _ role: LayerRole,
        at input: LayerInput,
        outputGradient: [Float],
        u: [Float],
        rows: Int,
        uGradient: inout [Float],
        gradient: inout [Float]
    ) {
        var uGradient = uGradient.mutableSpan
        var gradient = gradient.mutableSpan
        forEachGroup(at: input, rows: rows) { part in
            guard let member = part.group.member(role) else { return }
            recorder?.recordB(member, of: part.group, outputGradient: outputGradient, u: u, rows: rows)
            uGradient.withElements(in: part.u) { uGradient in
                gradient.withElements(in: part.segment.gradient) { gradient in
                    part.group.propagate(
                        member,
                        outputGradient: outputGradient.span.extracting(part.elements(width: member.outputWidth)),
                        u: u.span.extracting(part.u),
                        rows: part.rows.count,
                        parameters: part.segment.parameters.span,
                        uGradient: &uGradient,
                        gradient: &gradient,
                        findsB: recorder == nil
                    )
                }
            }
        }
    }

    /// Finds the gradient of the A's that read `input`, once that of u is complete.
    func propagateToA(
        at input: LayerInput,
        _ x: [Float],
        rows: Int,
        uGradient: [Float],
        gradient: inout [Float],
        scratch: inout [Float]
    ) {
        var gradient = gradient.mutableSpan
        forEachGroup(at: input, rows: rows) { part in
            if let recorder {
                recorder.recordA(of: part.group, uGradient: uGradient, x: x, rows: rows)
                return
            }
            let own = x.span.extracting(part.elements(width: part.group.inputWidth))
            gradient.withElements(in: part.segment.gradient) { gradient in
                withDropped(own, at: input, of: part.segment, scratch: &scratch) {
                    part.group.propagateToA(
                        uGradient: uGradient.span.extracting(part.u),
                        x: $0,
                        rows: part.rows.count,
                        gradient: &gradient
                    )
                }
            }
        }
    }

    /// Adds the branches' share of the input's gradient.
    func propagateToInput(
        at input: LayerInput,
        rows: Int,
        uGradient: [Float],
        inputGradient: inout [Float],
        scratch: inout [Float]
    ) {
        var inputGradient = inputGradient.mutableSpan
        forEachGroup(at: input, rows: rows) { part in
            let elements = part.elements(width: part.group.inputWidth)
            let (u, parameters) = (uGradient.span.extracting(part.u), part.segment.parameters.span)
            inputGradient.withElements(in: elements) { target in
                guard let dropout = part.segment.dropout else {
                    part.group.propagateToInput(
                        uGradient: u,
                        rows: part.rows.count,
                        parameters: parameters,
                        adding: true,
                        inputGradient: &target
                    )
                    return
                }
                scratch.resize(to: elements.count)
                var share = scratch.mutableSpan
                part.group.propagateToInput(
                    uGradient: u,
                    rows: part.rows.count,
                    parameters: parameters,
                    adding: false,
                    inputGradient: &share
                )
                Elementwise.addDropout(
                    of: share.span,
                    to: &target,
                    probability: dropout.probability,
                    seed: dropout.seed(for: input)
                )
            }
        }
    }

    /// Lends what dropout leaves of a segment's rows of an input.
    private func withDropped(
        _ x: Span<Float>,
        at input: LayerInput,
        of segment: Segment,
        scratch: inout [Float],
        _ body: (Span<Float>) -> Void
    ) {
        guard let dropout = segment.dropout else {
            body(x)
            return
        }
        scratch.resize(to: x.count)
        var dropped = scratch.mutableSpan
        Elementwise.dropout(
            x,
            into: &dropped,
            probability: dropout.probability,
            seed: dropout.seed(for: input)
        )
        body(dropped.span)
    }

    // MARK: - First tokens

    /// Copies the rows of u that belong to the first token of each text.
    func gatherFirstTokens(of texts: PackedTexts, from u: [Float], at input: LayerInput, into gathered: inout [Float]) {
        gathered.resize(to: projectionCount(at: input, rows: texts.count))
        forEachFirstToken(of: texts, at: input) { row, compact, rank in
            for column in 0..<rank { gathered[compact + column] = u[row + column] }
        }
    }

    /// Adds rows of u's gradient, one a text, to those of first tokens.
    func scatterToFirstTokens(of texts: PackedTexts, _ gathered: [Float], at input: LayerInput, to u: inout [Float]) {
        forEachFirstToken(of: texts, at: input) { row, compact, rank in
            for column in 0..<rank { u[row + column] += gathered[compact + column] }
        }
    }

    /// Visits the first token of each text: where its row of u starts, with a row a token and with a row a text.
    private func forEachFirstToken(of texts: PackedTexts, at input: LayerInput, _ body: (Int, Int, Int) -> Void) {
        var (tokenBlock, textBlock) = (0, 0)
        for segment in segments {
            guard let rank = segment.groups[input]?.rank else { continue }
            let own = segments.count > 1 ? segment.texts : 0..<texts.count
            guard let first = own.first, let last = own.last else { continue }
            let start = texts[first].lowerBound
            for text in own {
                body(
                    tokenBlock + (texts[text].lowerBound - start) * rank,
                    textBlock + (text - own.lowerBound) * rank,
                    rank
                )
            }
            tokenBlock += (texts[last].upperBound - start) * rank
            textBlock += own.count * rank
        }
    }
}
