import FederatedLearning

/// Loss, accuracy and macro F1 of a classification.
struct ClassificationScores: Sendable {
    private let labelCount: Int
    private var loss = 0.0
    /// How often each label was right, predicted and both.
    private var expected: [Int]
    private var predicted: [Int]
    private var correct: [Int]

    init(labelCount: Int) {
        self.labelCount = labelCount
        expected = Array(repeating: 0, count: labelCount)
        predicted = expected
        correct = expected
    }

    /// Counts one text.
    mutating func add(logits: [Float], label: Int) {
        loss += CrossEntropy.loss(of: logits[...], label: label)
        let choice = Prediction(logits: logits).label
        expected[label] += 1
        predicted[choice] += 1
        if choice == label { correct[label] += 1 }
    }

    /// The scores of all texts that were counted; no metrics when there were none.
    var report: EvaluationReport {
        let count = expected.reduce(0, +)
        guard count > 0 else { return EvaluationReport(exampleCount: 0, metrics: [:]) }
        // As scikit-learn does: the mean over labels that occur, F1 = 2·both / (right + predicted).
        let scores = (0..<labelCount).compactMap { label -> Double? in
            let occurrences = expected[label] + predicted[label]
            return occurrences > 0 ? Double(2 * correct[label]) / Double(occurrences) : nil
        }
        return EvaluationReport(
            exampleCount: count,
            metrics: [
                "loss": loss / Double(count),
                "accuracy": Double(correct.reduce(0, +)) / Double(count),
                "macro_f1": scores.reduce(0, +) / Double(scores.count),
            ]
        )
    }
}
