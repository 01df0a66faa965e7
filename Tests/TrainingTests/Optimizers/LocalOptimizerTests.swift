import FederatedLearning
import TestSupport
import Testing

@testable import Training

@Suite("Local optimizers", .tags(.numerics))
struct LocalOptimizerTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let optimizer: JobConfiguration.Training.Optimizer
        let expected: [Float]

        var testDescription: String { optimizer.rawValue }
    }

    @Test(
        "step each B with LoRA+'s learning rate and all else with the job's, as torch.optim does with parameter groups",
        arguments: [
            Case(
                optimizer: .adamw,
                expected: [0.98367959, -1.98218, 0.72399855, 0.0080974251, 2.9806807]
            ),
            Case(
                optimizer: .sgd,
                expected: [0.99070197, -1.991202, 0.52353603, 0.085943997, 2.977005]
            ),
        ]
    )
    func loraPlus(_ test: Case) {
        let settings = JobConfiguration.Training(
            optimizer: test.optimizer,
            learningRate: 0.01,
            loraPlusRatio: 16,
            weightDecay: 0.1,
            momentum: 0.9
        )
        var optimizer = LocalOptimizer(settings, count: 5, factorsB: [2..<4])
        var parameters: [Float] = [1, -2, 0.5, 0.25, 3]
        let gradient: [Float] = [0.3, -0.2, -0.1, 0.4, 0.7]
        optimizer.step(&parameters, gradient: gradient)
        optimizer.step(&parameters, gradient: gradient.map { 2 * $0 }, factor: 0.5)
        // AdamW steps by up to the learning rate, 0.16, times what a root and a quotient round: a few 1e-7 of it.
        for (found, expected) in zip(parameters, test.expected) { #expect(abs(found - expected) < 3e-6) }
    }

    @Test("do not depend on how parameters are grouped when the ratio is 1")
    func groups() {
        var (one, several) = ([Float](repeating: 0.5, count: 40), [Float](repeating: 0.5, count: 40))
        let gradient = (0..<40).map { Float($0 % 7) - 3 }
        let settings = JobConfiguration.Training(learningRate: 0.1)
        var plain = LocalOptimizer(settings, count: 40)
        var grouped = LocalOptimizer(settings, count: 40, factorsB: [3..<5, 20..<40])
        for _ in 0..<3 {
            plain.step(&one, gradient: gradient)
            grouped.step(&several, gradient: gradient)
        }
        #expect(one == several)
    }

    @Test("see gradients clipped by their common norm, as torch.nn.utils.clip_grad_norm_ does")
    func clipping() {
        var gradient: [Float] = [0.5, -1.25, 3, 0.75]
        #expect(abs(GradientClipping.clip(&gradient, toNorm: 1.5) - 3.3726845) < 1e-6)
        let expected: [Float] = [0.22237474, -0.55593681, 1.3342484, 0.33356211]
        for (found, expected) in zip(gradient, expected) { #expect(abs(found - expected) < 1e-6) }
        let within = gradient
        GradientClipping.clip(&gradient, toNorm: 2)
        #expect(gradient == within)
    }
}
