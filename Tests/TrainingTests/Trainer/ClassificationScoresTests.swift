import FederatedLearning
import Foundation
import Testing

@testable import Training

@Suite("Classification scores")
struct ClassificationScoresTests {
    @Test("agree with scikit-learn on a small example")
    func reference() throws {
        // sklearn.metrics: y = [0,0,1,1,2,2,2], p = [0,1,1,1,0,2,2]: accuracy 5/7, f1 = 1/2, 4/5, 4/5.
        var scores = ClassificationScores(labelCount: 4)
        for (expected, predicted) in [(0, 0), (0, 1), (1, 1), (1, 1), (2, 0), (2, 2), (2, 2)] {
            scores.add(logits: (0..<4).map { $0 == predicted ? 2 : 0 }, label: expected)
        }
        let report = scores.report
        let accuracy = try #require(report.metrics["accuracy"])
        let macroF1 = try #require(report.metrics["macro_f1"])
        let loss = try #require(report.metrics["loss"])
        #expect(report.exampleCount == 7)
        #expect(abs(accuracy - 5.0 / 7) < 1e-12)
        // The fourth label never occurs and does not count.
        #expect(abs(macroF1 - 0.7) < 1e-12)
        // Five texts with the largest logit where it should be, two without.
        let normalizer = log(exp(2.0) + 3)
        let expectedLoss: Double = (5 * (normalizer - 2) + 2 * normalizer) / 7
        #expect(abs(loss - expectedLoss) < 1e-6)
    }

    @Test("take the first of equal logits, and survive large ones")
    func ties() {
        #expect(Prediction(logits: [1, 3, 3]).label == 1)
        func loss(_ logits: [Float], label: Int) -> Double { CrossEntropy.loss(of: logits[...], label: label) }
        #expect(loss([1e30, -1e30], label: 0) == 0)
        #expect(loss([1000, 0], label: 1) == 1000)
        #expect(loss([.nan, 0], label: 1).isNaN)
    }
}
