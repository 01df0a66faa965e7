import FederatedLearning
import TestSupport
import Testing

struct RoundFiguresTests {
    @Test("weights the figures of the whole by examples, each over the clients that report it")
    func overall() {
        let overall = RoundFigures.overall([
            "a": EvaluationReport(exampleCount: 1, metrics: ["accuracy": 1, "loss": 4]),
            "b": EvaluationReport(exampleCount: 3, metrics: ["accuracy": 0.2, "loss": .infinity]),
            "c": EvaluationReport(exampleCount: 0, metrics: ["accuracy": 100]),
        ])
        #expect(overall.exampleCount == 4)
        // (1·1 + 3·0.2) / 4 is 0.4 within a rounding.
        #expect(abs((overall.metrics["accuracy"] ?? 0) - 0.4) < 1e-15)
        #expect(overall.metrics["loss"] == 4)
    }

    @Test("has no figures without reports, and survives absurd counts")
    func extremes() {
        #expect(RoundFigures.overall([:]) == EvaluationReport(exampleCount: 0, metrics: [:]))
        let overall = RoundFigures.overall([
            "a": EvaluationReport(exampleCount: .max, metrics: ["x": 1e308]),
            "b": EvaluationReport(exampleCount: .max, metrics: ["x": 1e308]),
            "c": EvaluationReport(exampleCount: .min, metrics: ["x": 1]),
        ])
        #expect(overall.exampleCount == .max)
        #expect(overall.metrics.values.allSatisfy { $0.isFinite })
    }
}
