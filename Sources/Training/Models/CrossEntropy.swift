import Foundation

/// The loss of a classification: −log softmax(logits)[label].
enum CrossEntropy {
    /// Finds the losses of all rows and their gradient.
    ///
    /// - Parameters:
    ///   - logits: A row a text, with as many columns as there are labels.
    ///   - labels: The right column of each row.
    ///   - weight: By how much each row's loss counts in the gradient: 1/n for a mean over n texts.
    ///   - gradient: Receives weight·(softmax − one-hot), as large as `logits`.
    /// - Returns: The sum of the losses, without the weight.
    static func losses(of logits: ArraySlice<Float>, labels: [Int32], weight: Double, gradient: inout [Float]) -> Double
    {
        let width = logits.count / max(labels.count, 1)
        gradient.resize(to: logits.count)
        var total = 0.0
        for (row, label) in labels.enumerated() {
            let first = row * width
            let own = logits.dropFirst(first).prefix(width)
            let (loss, normalizer) = judge(own, label: Int(label))
            total += loss
            for (column, logit) in own.enumerated() {
                let probability = exp(Double(logit) - normalizer)
                gradient[first + column] = Float(weight * (probability - (column == Int(label) ? 1 : 0)))
            }
        }
        return total
    }

    /// Returns the loss of one row.
    static func loss(of logits: ArraySlice<Float>, label: Int) -> Double {
        judge(logits, label: label).loss
    }

    /// The loss, and log Σ exp of the logits, from which the probabilities follow.
    private static func judge(_ logits: ArraySlice<Float>, label: Int) -> (loss: Double, normalizer: Double) {
        let largest = Double(logits.max() ?? 0)
        let sum = logits.reduce(0.0) { $0 + exp(Double($1) - largest) }
        let normalizer = largest + log(sum)
        return (normalizer - Double(logits[logits.startIndex + label]), normalizer)
    }
}
