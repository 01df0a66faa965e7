import FederatedLearning

/// Loss and perplexity of language modelling.
struct NextTokenScores: Sendable {
    private var loss = 0.0
    private var count = 0

    /// Counts one text.
    mutating func add(_ output: TextOutput) {
        guard case .nextTokens(let loss, let count) = output else { return }
        self.loss += loss
        self.count += count
    }

    /// The scores of all texts that were counted, whose examples are the predicted tokens: so a mean over clients, weighted
    /// by examples, is the mean over tokens.
    var report: EvaluationReport {
        guard count > 0 else { return EvaluationReport(exampleCount: 0, metrics: [:]) }
        let mean = loss / Double(count)
        return EvaluationReport(exampleCount: count, metrics: ["loss": mean, "perplexity": Perplexity.of(mean)])
    }
}
