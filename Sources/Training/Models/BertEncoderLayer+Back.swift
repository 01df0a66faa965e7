import LinearAlgebra

extension BertEncoderLayer {
    /// Adds the gradients of the layer's adapters to `gradient`.
    ///
    /// The weights are frozen, so theirs are never found. On entry `scratch.gradient` holds the gradient of the layer's
    /// output, a row for each that asks; on return, with the depth `.input`, that of its input, a row a token.
    func propagate(
        through texts: PackedTexts,
        input: [Float],
        adapter: LayerAdapter,
        tape: BertLayerTape,
        depth: PropagationDepth,
        scratch: inout BertScratch,
        gradient: inout [Float]
    ) {
        let asking = askingRows(texts)

        // The feed-forward half: scratch.gradient goes from its output to that of the attention's half.
        outputNorm.propagate(
            &scratch.gradient,
            normalized: tape.outputNormalized,
            inverseDeviation: tape.outputInverseDeviation
        )
        adapter.propagateAdapted(
            .output,
            at: .output,
            tape.activated,
            rows: asking,
            outputGradient: scratch.gradient,
            u: tape.activatedProjection,
            uGradient: &scratch.projectionGradient,
            gradient: &gradient,
            scratch: &scratch.dropped
        )
        guard depth.passes(.output) else { return }
        output.propagate(scratch.gradient, rows: asking, into: &scratch.intermediateGradient)
        adapter.propagateToInput(
            at: .output,
            rows: asking,
            uGradient: scratch.projectionGradient,
            inputGradient: &scratch.intermediateGradient,
            scratch: &scratch.dropped
        )
        do {
            var slopes = scratch.intermediateGradient.mutableSpan
            Elementwise.multiply(&slopes, by: tape.activationSlope.span)
        }
        adapter.propagateAdapted(
            .intermediate,
            at: .intermediate,
            tape.attended,
            rows: asking,
            outputGradient: scratch.intermediateGradient,
            u: tape.attendedProjection,
            uGradient: &scratch.projectionGradient,
            gradient: &gradient,
            scratch: &scratch.dropped
        )
        guard depth.passes(.intermediate) else { return }
        intermediate.propagate(scratch.intermediateGradient, rows: asking, addingInto: &scratch.gradient)
        adapter.propagateToInput(
            at: .intermediate,
            rows: asking,
            uGradient: scratch.projectionGradient,
            inputGradient: &scratch.gradient,
            scratch: &scratch.dropped
        )

        // The attention's half.
        attentionNorm.propagate(
            &scratch.gradient,
            normalized: tape.attentionNormalized,
            inverseDeviation: tape.attentionInverseDeviation
        )
        adapter.propagateAdapted(
            .attentionOutput,
            at: .attentionOutput,
            tape.context,
            rows: asking,
            outputGradient: scratch.gradient,
            u: tape.contextProjection,
            uGradient: &scratch.projectionGradient,
            gradient: &gradient,
            scratch: &scratch.dropped
        )
        guard depth.passes(.attentionOutput) else { return }
        attentionOutput.propagate(scratch.gradient, rows: asking, into: &scratch.contextGradient)
        adapter.propagateToInput(
            at: .attentionOutput,
            rows: asking,
            uGradient: scratch.projectionGradient,
            inputGradient: &scratch.contextGradient,
            scratch: &scratch.dropped
        )
        propagateThroughAttention(of: texts, adapter: adapter, tape: tape, depth: depth, scratch: &scratch)
        propagateToProjections(
            of: texts,
            input: input,
            adapter: adapter,
            tape: tape,
            scratch: &scratch,
            gradient: &gradient
        )
        if depth.passes(.attention) { propagateToInput(of: texts, adapter: adapter, scratch: &scratch) }
    }

    /// Finds the gradients of Q, K and V that are needed.
    private func propagateThroughAttention(
        of texts: PackedTexts,
        adapter: LayerAdapter,
        tape: BertLayerTape,
        depth: PropagationDepth,
        scratch: inout BertScratch
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
            packed: &scratch.packed,
            queryGradient: &scratch.queryGradient,
            keyGradient: &scratch.keyGradient,
            valueGradient: &scratch.valueGradient
        )
    }

    /// Finds the gradients of the adapters of Q, K and V.
    private func propagateToProjections(
        of texts: PackedTexts,
        input: [Float],
        adapter: LayerAdapter,
        tape: BertLayerTape,
        scratch: inout BertScratch,
        gradient: inout [Float]
    ) {
        guard adapter.isAdapted(.attention) else { return }
        let rows = texts.tokenCount
        scratch.projectionGradient.resize(to: adapter.projectionCount(at: .attention, rows: rows))
        if isLast {
            // Only the rows of first tokens have a query, so the others' share of its columns is zero.
            scratch.projectionGradient.clear()
            scratch.askingProjectionGradient.resize(
                to: adapter.projectionCount(at: .attention, rows: texts.count)
            )
            scratch.askingProjectionGradient.clear()
            adapter.propagate(
                .query,
                at: .attention,
                outputGradient: scratch.queryGradient,
                u: tape.askingProjection,
                rows: texts.count,
                uGradient: &scratch.askingProjectionGradient,
                gradient: &gradient
            )
            adapter.scatterToFirstTokens(
                of: texts,
                scratch.askingProjectionGradient,
                at: .attention,
                to: &scratch.projectionGradient
            )
        } else {
            adapter.propagate(
                .query,
                at: .attention,
                outputGradient: scratch.queryGradient,
                u: tape.attentionProjection,
                rows: rows,
                uGradient: &scratch.projectionGradient,
                gradient: &gradient
            )
        }
        adapter.propagate(
            .key,
            at: .attention,
            outputGradient: scratch.keyGradient,
            u: tape.attentionProjection,
            rows: rows,
            uGradient: &scratch.projectionGradient,
            gradient: &gradient
        )
        adapter.propagate(
            .value,
            at: .attention,
            outputGradient: scratch.valueGradient,
            u: tape.attentionProjection,
            rows: rows,
            uGradient: &scratch.projectionGradient,
            gradient: &gradient
        )
        adapter.propagateToA(
            at: .attention,
            input,
            rows: rows,
            uGradient: scratch.projectionGradient,
            gradient: &gradient,
            scratch: &scratch.dropped
        )
    }

    /// Sums what reaches the layer's input through Q, K, V, their adapters and the residual into `scratch.gradient`.
    private func propagateToInput(of texts: PackedTexts, adapter: LayerAdapter, scratch: inout BertScratch) {
        let rows = texts.tokenCount
        if isLast {
            key.propagate(scratch.keyGradient, rows: rows, into: &scratch.inputGradient)
            query.propagate(scratch.queryGradient, rows: texts.count, addingInto: &scratch.gradient)
            texts.scatterToFirstTokens(scratch.gradient, width: query.inputWidth, to: &scratch.inputGradient)
            swap(&scratch.gradient, &scratch.inputGradient)
        } else {
            key.propagate(scratch.keyGradient, rows: rows, addingInto: &scratch.gradient)
            query.propagate(scratch.queryGradient, rows: rows, addingInto: &scratch.gradient)
        }
        value.propagate(scratch.valueGradient, rows: rows, addingInto: &scratch.gradient)
        adapter.propagateToInput(
            at: .attention,
            rows: rows,
            uGradient: scratch.projectionGradient,
            inputGradient: &scratch.gradient,
            scratch: &scratch.dropped
        )
    }
}
