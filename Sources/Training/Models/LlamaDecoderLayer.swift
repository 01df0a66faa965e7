import LinearAlgebra

/// One layer of a Llama decoder: causal attention and a gated feed-forward network, each on a normalised copy of the
/// stream that it adds its result to.
struct LlamaDecoderLayer: Sendable {
    let attentionNorm: FrozenRMSNorm
    private(set) var query: FrozenLinear
    private(set) var key: FrozenLinear
    private(set) var value: FrozenLinear
    let attention: CausalAttention
    private(set) var attentionOutput: FrozenLinear
    let feedForwardNorm: FrozenRMSNorm
    private(set) var gate: FrozenLinear
    /// `up_proj`.
    private(set) var intermediate: FrozenLinear
    /// `down_proj`.
    private(set) var output: FrozenLinear

    /// The linear layer of a role.
    subscript(role: LayerRole) -> FrozenLinear {
        get {
            switch role {
            case .query: query
            case .key: key
            case .value: value
            case .attentionOutput: attentionOutput
            case .gate: gate
            case .intermediate: intermediate
            case .output: output
            }
        }
        set {
            switch role {
            case .query: query = newValue
            case .key: key = newValue
            case .value: value = newValue
            case .attentionOutput: attentionOutput = newValue
            case .gate: gate = newValue
            case .intermediate: intermediate = newValue
            case .output: output = newValue
            }
        }
    }

    /// Runs the layer.
    ///
    /// - Parameters:
    ///   - texts: The texts whose tokens are the rows of `input`.
    ///   - input: The previous layer's output, a row a token.
    ///   - adapter: What is added to the linear layers.
    ///   - angles: By how much queries and keys are turned.
    ///   - tape: Receives what the way back reads.
    ///   - scratch: Buffers to work in.
    ///   - result: Receives the output, a row a token.
    func run(
        on texts: PackedTexts,
        input: [Float],
        adapter: LayerAdapter,
        angles: RotaryAngles,
        tape: inout LlamaLayerTape,
        scratch: inout LlamaScratch,
        into result: inout [Float]
    ) {
        let rows = texts.tokenCount
        attend(on: texts, input: input, adapter: adapter, angles: angles, tape: &tape, scratch: &scratch)
        tape.attended.copy(input)
        attentionOutput.apply(to: tape.context, rows: rows, addingInto: &tape.attended)
        adapter.adapt(
            .attentionOutput,
            at: .attentionOutput,
            tape.context,
            rows: rows,
            u: &tape.contextProjection,
            y: &tape.attended,
            scratch: &scratch.dropped
        )

        feedForwardNorm.apply(
            to: tape.attended,
            into: &scratch.normalized,
            keeping: &tape.attendedInverseDeviation
        )
        gate.apply(to: scratch.normalized, rows: rows, into: &tape.gate)
        intermediate.apply(to: scratch.normalized, rows: rows, into: &tape.up)
        adapter.project(
            scratch.normalized,
            at: .intermediate,
            rows: rows,
            into: &tape.attendedProjection,
            scratch: &scratch.dropped
        )
        adapter.add(.gate, at: .intermediate, of: tape.attendedProjection, rows: rows, to: &tape.gate)
        adapter.add(.intermediate, at: .intermediate, of: tape.attendedProjection, rows: rows, to: &tape.up)
        activate(tape, into: &scratch.activated)
        result.copy(tape.attended)
        output.apply(to: scratch.activated, rows: rows, addingInto: &result)
        adapter.adapt(
            .output,
            at: .output,
            scratch.activated,
            rows: rows,
            u: &tape.activatedProjection,
            y: &result,
            scratch: &scratch.dropped
        )
    }

    /// Norm, Q, K, V and the attention itself.
    private func attend(
        on texts: PackedTexts,
        input: [Float],
        adapter: LayerAdapter,
        angles: RotaryAngles,
        tape: inout LlamaLayerTape,
        scratch: inout LlamaScratch
    ) {
        let rows = texts.tokenCount
        attentionNorm.apply(to: input, into: &scratch.normalized, keeping: &tape.inverseDeviation)
        query.apply(to: scratch.normalized, rows: rows, into: &tape.query)
        key.apply(to: scratch.normalized, rows: rows, into: &tape.key)
        value.apply(to: scratch.normalized, rows: rows, into: &tape.value)
        adapter.project(
            scratch.normalized,
            at: .attention,
            rows: rows,
            into: &tape.attentionProjection,
            scratch: &scratch.dropped
        )
        adapter.add(.query, at: .attention, of: tape.attentionProjection, rows: rows, to: &tape.query)
        adapter.add(.key, at: .attention, of: tape.attentionProjection, rows: rows, to: &tape.key)
        adapter.add(.value, at: .attention, of: tape.attentionProjection, rows: rows, to: &tape.value)
        angles.rotate(&tape.query, .forward)
        angles.rotate(&tape.key, .forward)
        attention.attend(
            query: tape.query,
            key: tape.key,
            value: tape.value,
            in: texts,
            probabilities: &tape.probabilities,
            context: &tape.context
        )
    }

    /// activated ← SiLU(gate)·up.
    func activate(_ tape: LlamaLayerTape, into activated: inout [Float]) {
        activated.resize(to: tape.gate.count)
        var activated = activated.mutableSpan
        Elementwise.gatedSiLU(tape.gate.span, up: tape.up.span, into: &activated)
    }
}
