import LinearAlgebra

/// One layer of the encoder: self-attention and a feed-forward network, each followed by residual and LayerNorm.
///
/// The last layer of a model asks only with the first token of each text, because the head reads nothing else: after K
/// and V, all its work is on one row a text.
struct BertEncoderLayer: Sendable {
    private(set) var query: FrozenLinear
    private(set) var key: FrozenLinear
    private(set) var value: FrozenLinear
    let attention: PackedAttention
    private(set) var attentionOutput: FrozenLinear
    let attentionNorm: FrozenLayerNorm
    private(set) var intermediate: FrozenLinear
    private(set) var output: FrozenLinear
    let outputNorm: FrozenLayerNorm

    /// The linear layer of a role.
    subscript(role: LayerRole) -> FrozenLinear {
        get {
            switch role {
            case .query: query
            case .key: key
            case .value: value
            case .attentionOutput: attentionOutput
            case .intermediate: intermediate
            case .output: output
            case .gate: preconditionFailure("BERT's feed-forward half has no gate")
            }
        }
        set {
            switch role {
            case .query: query = newValue
            case .key: key = newValue
            case .value: value = newValue
            case .attentionOutput: attentionOutput = newValue
            case .intermediate: intermediate = newValue
            case .output: output = newValue
            case .gate: preconditionFailure("BERT's feed-forward half has no gate")
            }
        }
    }

    var isLast: Bool { attention.queries == .firstToken }

    /// How many rows ask: the tokens, or the texts in the last layer.
    func askingRows(_ texts: PackedTexts) -> Int { isLast ? texts.count : texts.tokenCount }

    /// Runs the layer.
    ///
    /// - Parameters:
    ///   - texts: The texts whose tokens are the rows of `input`.
    ///   - input: The previous layer's output, a row a token.
    ///   - adapter: What is added to the linear layers.
    ///   - tape: Receives what the way back reads.
    ///   - scratch: Buffers to work in.
    ///   - result: Receives the output, a row for each that asks.
    func run(
        on texts: PackedTexts,
        input: [Float],
        adapter: LayerAdapter,
        tape: inout BertLayerTape,
        scratch: inout BertScratch,
        into result: inout [Float]
    ) {
        let asking = askingRows(texts)
        attend(on: texts, input: input, adapter: adapter, tape: &tape, scratch: &scratch)

        attentionOutput.apply(to: tape.context, rows: asking, into: &tape.attended)
        adapter.adapt(
            .attentionOutput,
            at: .attentionOutput,
            tape.context,
            rows: asking,
            u: &tape.contextProjection,
            y: &tape.attended,
            scratch: &scratch.dropped
        )
        attentionNorm.apply(
            to: &tape.attended,
            bias: attentionOutput.bias,
            residual: isLast ? tape.askingInput : input,
            normalized: &tape.attentionNormalized,
            inverseDeviation: &tape.attentionInverseDeviation
        )

        intermediate.apply(to: tape.attended, rows: asking, into: &tape.activationSlope)
        adapter.adapt(
            .intermediate,
            at: .intermediate,
            tape.attended,
            rows: asking,
            u: &tape.attendedProjection,
            y: &tape.activationSlope,
            scratch: &scratch.dropped
        )
        activate(&tape.activationSlope, into: &scratch.activated)

        output.apply(to: scratch.activated, rows: asking, into: &result)
        adapter.adapt(
            .output,
            at: .output,
            scratch.activated,
            rows: asking,
            u: &tape.activatedProjection,
            y: &result,
            scratch: &scratch.dropped
        )
        outputNorm.apply(
            to: &result,
            bias: output.bias,
            residual: tape.attended,
            normalized: &tape.outputNormalized,
            inverseDeviation: &tape.outputInverseDeviation
        )
        if adapter.isAdapted(.output) { swap(&tape.activated, &scratch.activated) }
    }

    /// Finds Q, K and V, and the context from them.
    private func attend(
        on texts: PackedTexts,
        input: [Float],
        adapter: LayerAdapter,
        tape: inout BertLayerTape,
        scratch: inout BertScratch
    ) {
        let (rows, asking) = (texts.tokenCount, askingRows(texts))
        key.apply(to: input, rows: rows, into: &tape.key)
        value.apply(to: input, rows: rows, into: &tape.value)
        adapter.project(
            input,
            at: .attention,
            rows: rows,
            into: &tape.attentionProjection,
            scratch: &scratch.dropped
        )
        adapter.add(.key, at: .attention, of: tape.attentionProjection, rows: rows, to: &tape.key)
        adapter.add(.value, at: .attention, of: tape.attentionProjection, rows: rows, to: &tape.value)
        if isLast {
            texts.gatherFirstTokens(from: input, width: query.inputWidth, into: &tape.askingInput)
            query.apply(to: tape.askingInput, rows: asking, into: &tape.query)
            adapter.gatherFirstTokens(
                of: texts,
                from: tape.attentionProjection,
                at: .attention,
                into: &tape.askingProjection
            )
            adapter.add(.query, at: .attention, of: tape.askingProjection, rows: asking, to: &tape.query)
        } else {
            query.apply(to: input, rows: rows, into: &tape.query)
            adapter.add(.query, at: .attention, of: tape.attentionProjection, rows: rows, to: &tape.query)
        }
        query.addBias(to: &tape.query)
        key.addBias(to: &tape.key)
        value.addBias(to: &tape.value)

        attention.attend(
            query: tape.query,
            key: tape.key,
            value: tape.value,
            in: texts,
            probabilities: &tape.probabilities,
            context: &tape.context,
            packed: &scratch.packed
        )
    }

    /// h ← GELU'(h + bias), and the activation itself into `activated`.
    private func activate(_ h: inout [Float], into activated: inout [Float]) {
        activated.resize(to: h.count)
        var slope = h.mutableSpan
        var result = activated.mutableSpan
        Elementwise.gelu(replacingWithDerivative: &slope, bias: intermediate.bias.span, into: &result)
    }
}
