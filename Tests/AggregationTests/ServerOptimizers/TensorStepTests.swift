import TestSupport
import Testing

@testable import Aggregation

@Suite(.tags(.numerics))
struct TensorStepTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let optimizer: ServerOptimizer
        /// Where x is after one step and after two, from 0 and with D = (0.1, −0.2) both times.
        let steps: [[Double]]
        var testDescription: String { name }
    }

    /// The papers' formulas by hand, with η = 0.1, τ = 10⁻³, v₀ = τ² and m₀ = 0.
    static let cases = [
        Case(
            name: "FedAdam",
            optimizer: .fedAdam(learningRate: 0.1),
            steps: [[0.09050283, -0.09512605], [0.09050283 + 0.12548351, -0.09512605 - 0.1299997]]
        ),
        Case(
            name: "FedYogi",
            optimizer: .fedYogi(learningRate: 0.1),
            steps: [[0.09049876, -0.09512492], [0.09049876 + 0.12518575, -0.09512492 - 0.12968423]]
        ),
        Case(
            name: "FedAdagrad",
            optimizer: .fedAdagrad(learningRate: 0.1),
            // v is D² + τ², then 2D² + τ².
            steps: [
                [0.0990050, -0.09950125],
                [
                    0.0990050 + 0.01 / (0.020001.squareRoot() + 1e-3),
                    -0.09950125 - 0.02 / (0.080001.squareRoot() + 1e-3),
                ],
            ]
        ),
        Case(
            name: "FedAvgM",
            // m is D, then 0.9·D + D.
            optimizer: .fedAvgM(learningRate: 0.5, momentum: 0.9),
            steps: [[0.05, -0.1], [0.05 + 0.095, -0.1 - 0.19]]
        ),
    ]

    @Test("takes the first and the second step of the paper", arguments: cases)
    func golden(_ test: Case) {
        let initial = test.optimizer.initialSecondMoment
        var step = TensorStep(
            values: [0, 0],
            first: [0, 0],
            second: initial.map { [Float]([Float($0), Float($0)]) } ?? []
        )
        for expected in test.steps {
            let aggregate = [step.values[0] + 0.1, step.values[1] - 0.2]
            step.take(towards: aggregate.span, by: test.optimizer)
            for (found, expected) in zip(step.values, expected) {
                // Values of about 0.2 in 32 bits, and D as their difference.
                #expect(abs(Double(found) - expected) < 1e-7)
            }
        }
    }

    @Test("is the aggregate itself without momentum and at a rate of 1")
    func plain() {
        let aggregate: [Float] = [0.3, -1e-8, 12345.678, 1e-30]
        var step = TensorStep(values: [1, 1, 0.1, 3], first: [0, 0, 0, 0], second: [])
        step.take(towards: aggregate.span, by: .fedAvgM(momentum: 0))
        for (found, expected) in zip(step.values, aggregate) {
            #expect(abs(found - expected) <= 1e-15)
        }
    }

    @Test("keeps moving by momentum after the changes have stopped")
    func momentum() {
        var step = TensorStep(values: [0], first: [1], second: [])
        let still: [Float] = [0]
        step.take(towards: still.span, by: .fedAvgM(momentum: 0.5))
        #expect(step.values == [0.5])
        #expect(step.first == [0.5])
    }

    /// FedYogi's v falls by (1 − β₂)·D² where it was larger, however much larger; FedAdam's by a share of itself.
    @Test("lets v fall slowly in FedYogi and fast in FedAdam")
    func secondMoments() {
        #expect(SecondMoment.yogi.next(1, change: 0.1, beta2: 0.9) == 1 - (1 - 0.9) * (0.1 * 0.1))
        #expect(SecondMoment.adam.next(1, change: 0.1, beta2: 0.9) == 0.9 + (1 - 0.9) * (0.1 * 0.1))
        #expect(SecondMoment.adagrad.next(1, change: 2, beta2: 0.9) == 5)
        #expect(SecondMoment.yogi.next(4, change: 2, beta2: 0.9) == 4)
    }
}
