import LinearAlgebra

/// The end of a decoder: a norm, the projection to the vocabulary and the loss of the next tokens.
///
/// A row of logits is as long as the vocabulary, so rows are projected in blocks: what a block needs is a constant, and
/// the logits of a batch never exist at once.
struct NextTokenHead: Sendable {
    let norm: FrozenRMSNorm
    let projection: VocabularyProjection

    private var vocabularySize: Int { projection.vocabularySize }
    private var width: Int { projection.width }

    /// How many logits a block has at most: 32 MiB of them.
    private static let logitsPerBlock = 8 << 20

    private var rowsPerBlock: Int { max(16, Self.logitsPerBlock / vocabularySize) }

    /// Finds the losses of all tokens of `texts` but the first of each, given those before them.
    ///
    /// - Parameters:
    ///   - texts: The texts of the pass.
    ///   - hidden: The last layer's output, a row a token.
    ///   - weight: By how much each loss counts in the gradient; `nil` when none is asked for.
    ///   - scratch: Receives the losses; with a weight, also what ``propagate(of:hidden:scratch:into:)`` reads.
    func run(on texts: PackedTexts, hidden: [Float], weight: Float?, scratch: inout NextTokenScratch) {
        norm.apply(to: hidden, into: &scratch.normalized, keeping: &scratch.inverseDeviation)
        gather(texts, scratch: &scratch)
        scratch.losses = losses(
            of: scratch.targets,
            asking: &scratch.asking,
            weight: weight,
            logits: &scratch.logits
        )
    }

    /// Returns the losses of `targets`; with a weight, the rows that ask become their gradients.
    private func losses(
        of targets: [Int32],
        asking: inout [Float],
        weight: Float?,
        logits: inout [Float]
    ) -> [Double] {
        let count = targets.count
        var losses: [Double] = []
        losses.reserveCapacity(count)
        logits.resize(to: min(count, rowsPerBlock) * vocabularySize)
        var logits = logits.mutableSpan
        var asking = asking.mutableSpan
        for first in stride(from: 0, to: count, by: rowsPerBlock) {
            let rows = min(rowsPerBlock, count - first)
            logits.withElements(in: 0..<rows * vocabularySize) { logits in
                asking.withElements(in: first * width..<(first + rows) * width) { asking in
                    projection.apply(to: asking.span, rows: rows, into: &logits)
                    losses += Elementwise.crossEntropy(
                        &logits,
                        targets: targets.span.extracting(first..<first + rows),
                        weight: weight
                    )
                    guard weight != nil else { return }
                    // The rows are not needed again: their gradient takes their place.
                    projection.propagate(logits.span, rows: rows, into: &asking)
                }
            }
        }
        return losses
    }

    /// The way back: leaves the gradient of the last layer's output in `gradient`.
    ///
    /// - Parameters:
    ///   - texts: The texts of the pass.
    ///   - hidden: What ``run(on:hidden:weight:scratch:)`` was given.
    ///   - scratch: What it left.
    ///   - gradient: Receives a row a token.
    func propagate(
        of texts: PackedTexts,
        hidden: [Float],
        scratch: inout NextTokenScratch,
        into gradient: inout [Float]
    ) {
        // The last token of a text predicts nothing.
        scratch.normalized.clear()
        var row = 0
        for text in texts {
            let rows = row * width..<(row + text.count - 1) * width
            scratch.normalized.replace(
                text.lowerBound * width..<(text.upperBound - 1) * width,
                with: scratch.asking,
                from: rows.lowerBound
            )
            row += text.count - 1
        }
        gradient.resize(to: hidden.count)
        gradient.clear()
        norm.propagate(
            scratch.normalized,
            of: hidden,
            inverseDeviation: scratch.inverseDeviation,
            addingTo: &gradient
        )
    }

    /// Copies the rows that predict, and what they have to predict.
    private func gather(_ texts: PackedTexts, scratch: inout NextTokenScratch) {
        scratch.targets.removeAll(keepingCapacity: true)
        scratch.asking.resize(to: (texts.tokenCount - texts.count) * width)
        for text in texts {
            let first = scratch.targets.count
            scratch.targets += texts.tokens[text.dropFirst()]
            scratch.asking.replace(
                first * width..<scratch.targets.count * width,
                with: scratch.normalized,
                from: text.lowerBound * width
            )
        }
    }
}

/// What the loss of the next tokens writes.
struct NextTokenScratch: Sendable {
    var normalized: [Float] = []
    var inverseDeviation: [Float] = []
    /// The rows of `normalized` that predict, and later their gradients.
    var asking: [Float] = []
    /// What each of them has to predict.
    var targets: [Int32] = []
    /// One of each, text by text.
    var losses: [Double] = []
    /// Of one block of rows.
    var logits: [Float] = []
}
