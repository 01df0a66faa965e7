import LinearAlgebra

extension LlamaDecoderLayer {
    /// Adds the gradients of the layer's adapters to `gradient`.
    ///
    /// The weights are frozen, so theirs are never found. On entry `scratch.gradient` holds the gradient of the layer's
    /// output, a row a token; on return, with the depth `.input`, that of its input.
    ///
    /// - Parameters:
    ///   - texts: The texts of the forward pass.
    ///   - input: The input of the forward pass.
    ///   - adapter: The adapter of the forward pass.
    ///   - angles: The angles of the forward pass.
    ///   - tape: What the forward pass left; it is used up.
    ///   - depth: How far down the gradient is needed.
    ///   - scratch: Buffers to work in.
    ///   - gradient: As long as the adapter's flat parameters.
    func propagate(
        through texts: PackedTexts,
        input: [Float],
        adapter: LayerAdapter,
        angles: RotaryAngles,
        tape: inout LlamaLayerTape,
        depth: PropagationDepth,
        scratch: inout LlamaScratch,
        gradient: inout [Float]
    ) {
        let rows = texts.tokenCount
        propagateThroughFeedForward(
            rows: rows,
            adapter: adapter,
            tape: &tape,
            depth: depth,
            scratch: &scratch,
            gradient: &gradient
        )
        guard depth.passes(.intermediate) else { return }

        adapter.propagateAdapted(
            .attentionOutput,
            at: .attentionOutput,
            tape.context,
            rows: rows,
            outputGradient: scratch.gradient,
            u: tape.contextProjection,
            uGradient: &scratch.projectionGradient,
            gradient: &gradient,
            scratch: &scratch.dropped
        )
        guard depth.passes(.attentionOutput) else { return }
        attentionOutput.propagate(scratch.gradient, rows: rows, into: &scratch.contextGradient)
        adapter.propagateToInput(
            at: .attentionOutput,
            rows: rows,
            uGradient: scratch.projectionGradient,
            inputGradient: &scratch.contextGradient,
            scratch: &scratch.dropped
        )
        propagateThroughAttention(
            of: texts,
            adapter: adapter,
            angles: angles,
            tape: tape,
            depth: depth,
            scratch: &scratch
        )
        propagateToProjections(input, rows: rows, adapter: adapter, tape: tape, scratch: &scratch, gradient: &gradient)
        guard depth.passes(.attention) else { return }
        query.propagate(scratch.queryGradient, rows: rows, into: &scratch.normalizedGradient)
        key.propagate(scratch.keyGradient, rows: rows, addingInto: &scratch.normalizedGradient)
        value.propagate(scratch.valueGradient, rows: rows, addingInto: &scratch.normalizedGradient)
        adapter.propagateToInput(
            at: .attention,
            rows: rows,
            uGradient: scratch.projectionGradient,
            inputGradient: &scratch.normalizedGradient,
            scratch: &scratch.dropped
        )
        attentionNorm.propagate(
            scratch.normalizedGradient,
            of: input,
            inverseDeviation: tape.inverseDeviation,
            addingTo: &scratch.gradient
        )
    }

    /// Takes `scratch.gradient` from the layer's output to that of the attention's half.
    private func propagateThroughFeedForward(
        rows: Int,
        adapter: LayerAdapter,
        tape: inout LlamaLayerTape,
        depth: PropagationDepth,
        scratch: inout LlamaScratch,
        gradient: inout [Float]
    ) {
        if adapter.isAdapted(.output) {
            activate(tape, into: &scratch.activated)
            adapter.propagateAdapted(
                .output,
                at: .output,
                scratch.activated,
                rows: rows,
                outputGradient: scratch.gradient,
                u: tape.activatedProjection,
                uGradient: &scratch.projectionGradient,
                gradient: &gradient,
                scratch: &scratch.dropped
            )
        }
        guard depth.passes(.output) else { return }
        output.propagate(scratch.gradient, rows: rows, into: &scratch.activatedGradient)
        adapter.propagateToInput(
            at: .output,
            rows: rows,
            uGradient: scratch.projectionGradient,
            inputGradient: &scratch.activatedGradient,
            scratch: &scratch.dropped
        )
        backThroughActivation(scratch.activatedGradient, gate: &tape.gate, up: &tape.up)
        if adapter.isAdapted(.intermediate) {
            scratch.projectionGradient.resize(to: adapter.projectionCount(at: .intermediate, rows: rows))
            for (role, outputGradient) in [(LayerRole.gate, tape.gate), (.intermediate, tape.up)] {
                adapter.propagate(
                    role,
                    at: .intermediate,
                    outputGradient: outputGradient,
                    u: tape.attendedProjection,
                    rows: rows,
                    uGradient: &scratch.projectionGradient,
                    gradient: &gradient
                )
            }
            feedForwardNorm.applyAgain(
                to: tape.attended,
                inverseDeviation: tape.attendedInverseDeviation,
                into: &scratch.normalized
            )
            adapter.propagateToA(
                at: .intermediate,
                scratch.normalized,
                rows: rows,
                uGradient: scratch.projectionGradient,
                gradient: &gradient,
                scratch: &scratch.dropped
            )
        }
        guard depth.passes(.intermediate) else { return }
        gate.propagate(tape.gate, rows: rows, into: &scratch.normalizedGradient)
        intermediate.propagate(tape.up, rows: rows, addingInto: &scratch.normalizedGradient)
        adapter.propagateToInput(
            at: .intermediate,
            rows: rows,
            uGradient: scratch.projectionGradient,
            inputGradient: &scratch.normalizedGradient,
            scratch: &scratch.dropped
        )
        feedForwardNorm.propagate(
            scratch.normalizedGradient,
            of: tape.attended,
            inverseDeviation: tape.attendedInverseDeviation,
            addingTo: &scratch.gradient
        )
    }

    /// Puts the gradients of gate and up in their places.
    private func backThroughActivation(_ gradient: [Float], gate: inout [Float], up: inout [Float]) {
        var gate = gate.mutableSpan
        var up = up.mutableSpan
        Elementwise.backThroughGatedSiLU(gradient.span, gate: &gate, up: &up)
    }

    /// Finds the gradients of Q, K and V that are needed, as they were before they were turned.
    private func propagateThroughAttention(
        of texts: PackedTexts,
        adapter: LayerAdapter,
        angles: RotaryAngles,
        tape: LlamaLayerTape,
        depth: PropagationDepth,
        scratch: inout LlamaScratch
    ) {
        var wanted = PackedAttention.Wanted.all
        if !depth.passes(.attention) {
            wanted = []
            if adapter.isAdapted(.query, at: .attention) { wanted.insert(.query) }
            if adapter.isAdapted(.key, at: .attention) { wanted.insert(.key) }
            if adapter.isAdapted(.value, at: .attention) { wanted.insert(.value) }
        }
        attention.propagate(
            scratch.contextGradient,
            query: tape.query,
            key: tape.key,
            value: tape.value,
            probabilities: tape.probabilities,
            in: texts,
            wanted: wanted,
            scratch: &scratch.attentionLogits,
            queryGradient: &scratch.queryGradient,
            keyGradient: &scratch.keyGradient,
            valueGradient: &scratch.valueGradient
        )
        if wanted.contains(.query) { angles.rotate(&scratch.queryGradient, .back) }
        if wanted.contains(.key) { angles.rotate(&scratch.keyGradient, .back) }
    }

    /// Finds the gradients of the adapters of Q, K and V.
    private func propagateToProjections(
        _ input: [Float],
        rows: Int,
        adapter: LayerAdapter,
        tape: LlamaLayerTape,
        scratch: inout LlamaScratch,
        gradient: inout [Float]
    ) {
        guard adapter.isAdapted(.attention) else { return }
        scratch.projectionGradient.resize(to: adapter.projectionCount(at: .attention, rows: rows))
        let outputs: [(LayerRole, [Float])] = [
            (.query, scratch.queryGradient), (.key, scratch.keyGradient), (.value, scratch.valueGradient),
        ]
        for (role, outputGradient) in outputs {
            adapter.propagate(
                role,
                at: .attention,
                outputGradient: outputGradient,
                u: tape.attentionProjection,
                rows: rows,
                uGradient: &scratch.projectionGradient,
                gradient: &gradient
            )
        }
        attentionNorm.applyAgain(to: input, inverseDeviation: tape.inverseDeviation, into: &scratch.normalized)
        adapter.propagateToA(
            at: .attention,
            scratch.normalized,
            rows: rows,
            uGradient: scratch.projectionGradient,
            gradient: &gradient,
            scratch: &scratch.dropped
        )
    }
}
