import Adapters
import LinearAlgebra

/// Pooler and classification head, which see the first token of each text.
extension BertModel {
    /// Pooler and head: tanh(Wx + b), then the classifier.
    func runHead(
        on firstTokens: [Float],
        rows: Int,
        adapter: BatchAdapter,
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
        classify(tape.pooled, adapter: adapter, into: &tape.logits)
    }

    /// The heads: logits ← x·Wᵀ + b in the rows of each segment.
    private func classify(_ pooled: [Float], adapter: BatchAdapter, into logits: inout [Float]) {
        let hidden = configuration.hiddenSize
        logits.resize(to: adapter.logitCount)
        var logits = logits.mutableSpan
        var first = 0
        for segment in adapter.segments {
            let (head, parameters) = (segment.adapter.layout.requiredHead, segment.adapter.parameters.span)
            let (rows, labelCount) = (segment.texts, head.bias.count)
            logits.withElements(in: first..<first + rows.count * labelCount) { logits in
                multiply(
                    pooled.span.extracting(rows.lowerBound * hidden..<rows.upperBound * hidden),
                    by: parameters.extracting(head.weight),
                    .transposed,
                    into: &logits,
                    m: rows.count,
                    n: labelCount,
                    k: hidden
                )
                Elementwise.addBias(parameters.extracting(head.bias), to: &logits)
            }
            first += rows.count * labelCount
        }
    }

    /// Finds the gradients of the heads and the pooler's adapters, and leaves that of the encoder's output.
    func propagateThroughHead(
        _ logitsGradient: [Float],
        firstTokens: [Float],
        rows: Int,
        adapter: BatchAdapter,
        tape: BertHeadTape,
        scratch: inout BertScratch,
        gradient: inout [Float]
    ) {
        let isWanted = adapter.adaptsPooler || adapter.lowestAdapted != nil
        propagateThroughClassifier(
            logitsGradient,
            adapter: adapter,
            pooled: tape.pooled,
            gradient: &gradient,
            // In the buffer that contexts need later.
            pooledGradient: &scratch.contextGradient
        )
        guard isWanted else { return }
        do {
            var pooled = scratch.contextGradient.mutableSpan
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
        guard adapter.lowestAdapted != nil else { return }
        pooler.propagate(scratch.contextGradient, rows: rows, into: &scratch.gradient)
        pooledAdapter.propagateToInput(
            at: .output,
            rows: rows,
            uGradient: scratch.projectionGradient,
            inputGradient: &scratch.gradient,
            scratch: &scratch.dropped
        )
    }

    /// Finds the gradients of each segment's head, and that of the pooler's output.
    private func propagateThroughClassifier(
        _ logitsGradient: [Float],
        adapter: BatchAdapter,
        pooled: [Float],
        gradient: inout [Float],
        pooledGradient: inout [Float]
    ) {
        let hidden = configuration.hiddenSize
        pooledGradient.resize(to: pooled.count)
        var pooledGradient = pooledGradient.mutableSpan
        var gradient = gradient.mutableSpan
        var first = 0
        for segment in adapter.segments {
            let head = segment.adapter.layout.requiredHead
            let (rows, labelCount) = (segment.texts.count, head.bias.count)
            let logits = logitsGradient.span.extracting(first..<first + rows * labelCount)
            let elements = segment.texts.lowerBound * hidden..<segment.texts.upperBound * hidden
            adapter.recorder?.recordHead(head, logitsGradient: logitsGradient, pooled: pooled, width: hidden)
            if adapter.recorder == nil {
                gradient.withElements(in: segment.gradient) { gradient in
                    gradient.withElements(in: head.weight) { weight in
                        multiply(
                            logits,
                            .transposed,
                            by: pooled.span.extracting(elements),
                            into: &weight,
                            m: labelCount,
                            n: hidden,
                            k: rows,
                            beta: 1
                        )
                    }
                    gradient.withElements(in: head.bias) { bias in
                        for row in 0..<rows {
                            Elementwise.add(logits.extracting(row * labelCount..<(row + 1) * labelCount), to: &bias)
                        }
                    }
                }
            }
            pooledGradient.withElements(in: elements) { pooledGradient in
                multiply(
                    logits,
                    by: segment.adapter.parameters.span.extracting(head.weight),
                    into: &pooledGradient,
                    m: rows,
                    n: hidden,
                    k: labelCount
                )
            }
            first += rows * labelCount
        }
    }
}
