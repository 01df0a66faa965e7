import Adapters
import LinearAlgebra

extension BertModel {
    // MARK: - Forward

    /// Runs texts through the model; `workspace.head` then holds the logits.
    ///
    /// - Precondition: Token ids and text lengths are within the model's configuration.
    func run(_ texts: PackedTexts, adapter: ActiveAdapter, in workspace: inout BertWorkspace) {
        embed(texts, into: &workspace.hidden[0])
        for (index, layer) in layers.enumerated() {
            let source = index % workspace.hidden.count
            let target = (index + 1) % workspace.hidden.count
            // Taken out for the call, so that one buffer can be read while the other is written.
            var result: [Float] = []
            swap(&result, &workspace.hidden[target])
            layer.run(
                on: texts,
                input: workspace.hidden[source],
                adapter: adapter.layer(index),
                tape: &workspace.tapes[index % workspace.tapes.count],
                scratch: &workspace.scratch,
                into: &result
            )
            swap(&result, &workspace.hidden[target])
        }
        runHead(
            on: workspace.hidden[layers.count % workspace.hidden.count],
            rows: texts.count,
            adapter: adapter,
            tape: &workspace.head,
            scratch: &workspace.scratch
        )
    }

    /// Sums the embeddings of word, position and token type, and normalises them.
    private func embed(_ texts: PackedTexts, into result: inout [Float]) {
        let width = configuration.hiddenSize
        result.resize(to: texts.tokenCount * width)
        do {
            var rows = result.mutableSpan
            words.withElements { words in
                positions.withElements { positions in
                    for text in texts {
                        for (position, index) in text.enumerated() {
                            let word = Int(texts.tokens[index]) * width
                            rows.withElements(in: index * width..<(index + 1) * width) { row in
                                Elementwise.sum(
                                    words.extracting(word..<word + width),
                                    positions.extracting(position * width..<(position + 1) * width),
                                    tokenType.span,
                                    into: &row
                                )
                            }
                        }
                    }
                }
            }
        }
        embeddingNorm.apply(to: &result)
    }

    /// Pooler and head: tanh(Wx + b), then the classifier.
    private func runHead(
        on firstTokens: [Float],
        rows: Int,
        adapter: ActiveAdapter,
        tape: inout BertHeadTape,
        scratch: inout BertScratch
    ) {
        pooler.apply(to: firstTokens, rows: rows, into: &tape.pooled)
        adapter.pooler.adapt(
            .output,
            at: .output,
            firstTokens,
            rows: rows,
            u: &tape.projection,
            y: &tape.pooled,
            scratch: &scratch.dropped
        )
        do {
            var pooled = tape.pooled.mutableSpan
            Elementwise.tanh(&pooled, bias: pooler.bias.span)
        }
        classify(tape.pooled, rows: rows, adapter: adapter, into: &tape.logits)
    }

    /// The head: logits ← x·Wᵀ + b.
    private func classify(_ pooled: [Float], rows: Int, adapter: ActiveAdapter, into logits: inout [Float]) {
        let head = adapter.layout.requiredHead
        let labelCount = head.bias.count
        logits.resize(to: rows * labelCount)
        var logits = logits.mutableSpan
        multiply(
            pooled.span,
            by: adapter.parameters.span.extracting(head.weight),
            .transposed,
            into: &logits,
            m: rows,
            n: labelCount,
            k: configuration.hiddenSize
        )
        Elementwise.addBias(adapter.parameters.span.extracting(head.bias), to: &logits)
    }

    // MARK: - Back

    /// Adds the gradient of the adapter's numbers to `gradient`, after ``run(_:adapter:in:)`` of the same texts.
    ///
    /// Goes no further down than the lowest adapted place.
    ///
    /// - Parameters:
    ///   - logitsGradient: The gradient of the logits, a row a text.
    ///   - texts: The texts of the forward pass.
    ///   - adapter: The adapter of the forward pass.
    ///   - workspace: What the forward pass left, from a recording workspace.
    ///   - gradient: As long as the adapter's flat parameters.
    func propagate(
        _ logitsGradient: [Float],
        through texts: PackedTexts,
        adapter: ActiveAdapter,
        in workspace: inout BertWorkspace,
        adding gradient: inout [Float]
    ) {
        precondition(workspace.tapes.count == layers.count, "the way back needs a recording workspace")
        propagateThroughHead(
            logitsGradient,
            firstTokens: workspace.hidden[layers.count],
            rows: texts.count,
            adapter: adapter,
            tape: workspace.head,
            scratch: &workspace.scratch,
            gradient: &gradient
        )
        guard let lowest = adapter.layout.lowestAdapted else { return }
        for index in layers.indices.reversed() where index >= lowest.layer {
            layers[index].propagate(
                through: texts,
                input: workspace.hidden[index],
                adapter: adapter.layer(index),
                tape: workspace.tapes[index],
                depth: index > lowest.layer ? .input : .adapted(lowest.input),
                scratch: &workspace.scratch,
                gradient: &gradient
            )
        }
    }

    /// Finds the gradients of the head and the pooler's adapter, and leaves that of the encoder's output.
    private func propagateThroughHead(
        _ logitsGradient: [Float],
        firstTokens: [Float],
        rows: Int,
        adapter: ActiveAdapter,
        tape: BertHeadTape,
        scratch: inout BertScratch,
        gradient: inout [Float]
    ) {
        let (layout, hidden) = (adapter.layout, configuration.hiddenSize)
        let head = layout.requiredHead
        let labelCount = head.bias.count
        do {
            var flat = gradient.mutableSpan
            flat.withElements(in: head.weight) { weight in
                multiply(
                    logitsGradient.span,
                    .transposed,
                    by: tape.pooled.span,
                    into: &weight,
                    m: labelCount,
                    n: hidden,
                    k: rows,
                    beta: 1
                )
            }
            flat.withElements(in: head.bias) { bias in
                for row in 0..<rows {
                    Elementwise.add(
                        logitsGradient.span.extracting(row * labelCount..<(row + 1) * labelCount),
                        to: &bias
                    )
                }
            }
        }
        guard layout.pooler != nil || layout.lowestAdapted != nil else { return }

        // The gradient of the pooler's linear layer, in the buffer that contexts need later.
        scratch.contextGradient.resize(to: rows * hidden)
        do {
            var pooled = scratch.contextGradient.mutableSpan
            multiply(
                logitsGradient.span,
                by: adapter.parameters.span.extracting(head.weight),
                into: &pooled,
                m: rows,
                n: hidden,
                k: labelCount
            )
            Elementwise.multiplyByTanhDerivative(&pooled, of: tape.pooled.span)
        }
        let pooledAdapter = adapter.pooler
        pooledAdapter.propagateAdapted(
            .output,
            at: .output,
            firstTokens,
            rows: rows,
            outputGradient: scratch.contextGradient,
            u: tape.projection,
            uGradient: &scratch.projectionGradient,
            gradient: &gradient,
            scratch: &scratch.dropped
        )
        guard layout.lowestAdapted != nil else { return }
        pooler.propagate(scratch.contextGradient, rows: rows, into: &scratch.gradient)
        pooledAdapter.propagateToInput(
            at: .output,
            rows: rows,
            uGradient: scratch.projectionGradient,
            inputGradient: &scratch.gradient,
            scratch: &scratch.dropped
        )
    }
}
