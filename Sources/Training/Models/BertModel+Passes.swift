import Adapters
import LinearAlgebra

extension BertModel {
    // MARK: - Forward

    /// Runs texts through the model; `workspace.head` then holds the logits.
    ///
    /// - Precondition: Token ids and text lengths are within the model's configuration.
    func run(_ texts: PackedTexts, adapter: BatchAdapter, in workspace: inout BertWorkspace) {
        // Never the last layer, which leaves first tokens alone.
        let depth = max(0, min(adapter.lowestAdapted?.layer ?? layers.count, layers.count - 1))
        runFrozen(0..<depth, on: texts, in: &workspace)
        for index in depth..<layers.count {
            run(index, on: texts, adapter: adapter.layer(index), in: &workspace)
        }
        runHead(
            on: workspace.hidden[layers.count % workspace.hidden.count],
            rows: texts.count,
            adapter: adapter,
            tape: &workspace.head,
            scratch: &workspace.scratch
        )
    }

    /// Runs texts through the embeddings and the layers below every adapter, those of them that are not known yet.
    private func runFrozen(_ frozen: Range<Int>, on texts: PackedTexts, in workspace: inout BertWorkspace) {
        guard !frozen.isEmpty else { return embed(texts, into: &workspace.hidden[0]) }
        let place = frozen.count % workspace.hidden.count
        // Taken out for the call, so that the layers can use the workspace.
        var rows: [Float] = []
        swap(&rows, &workspace.hidden[place])
        prefix.complete(texts, depth: frozen.count, into: &rows) { missing in
            embed(missing, into: &workspace.hidden[0])
            for index in frozen { run(index, on: missing, adapter: .unadapted, in: &workspace) }
            var found: [Float] = []
            swap(&found, &workspace.hidden[place])
            return found
        }
        swap(&rows, &workspace.hidden[place])
    }

    private func run(_ index: Int, on texts: PackedTexts, adapter: LayerAdapter, in workspace: inout BertWorkspace) {
        let source = index % workspace.hidden.count
        let target = (index + 1) % workspace.hidden.count
        // Taken out for the call, so that one buffer can be read while the other is written.
        var result: [Float] = []
        swap(&result, &workspace.hidden[target])
        layers[index].run(
            on: texts,
            input: workspace.hidden[source],
            adapter: adapter,
            tape: &workspace.tapes[index % workspace.tapes.count],
            scratch: &workspace.scratch,
            into: &result
        )
        swap(&result, &workspace.hidden[target])
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

    // MARK: - Back

    /// Adds the gradient of the adapter's numbers to `gradient`, after ``run(_:adapter:in:)`` of the same texts.
    ///
    /// Goes no further down than the lowest adapted place.
    ///
    /// - Parameters:
    ///   - logitsGradient: The gradient of the logits, a row a text and segment by segment.
    ///   - texts: The texts of the forward pass.
    ///   - adapter: The adapter of the forward pass.
    ///   - workspace: What the forward pass left, from a recording workspace.
    ///   - gradient: The gradients of the segments' parameters, one after the other.
    func propagate(
        _ logitsGradient: [Float],
        through texts: PackedTexts,
        adapter: BatchAdapter,
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
        guard let lowest = adapter.lowestAdapted else { return }
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
}
