import Adapters
import Aggregation
import FederatedLearning
import LinearAlgebra
import TestSupport
import Testing

@testable import Training

@Suite("Corrections of local gradients")
struct LocalCorrectionTests {
    private struct Setting {
        let adapter: LoRAAdapter
        let parameters: TrainableParameters
        let start: [Float]

        init() throws {
            adapter = try TrainableParametersTests.adapter()
            let layout = try AdapterLayout(adapter: adapter, model: Fixture.tinyModel().adaptable, labelCount: 3)
            parameters = try TrainableParameters(layout: layout, adapter: adapter, trained: .both)
            start = parameters.initialValues(in: layout.flatten(adapter))
        }

        func correction(mu: Double = 0, pruning: RankPruning? = nil) -> LocalCorrection {
            let task = TrainingTask(
                labels: ["a", "e", "i"],
                settings: JobConfiguration.Training(proximalMu: mu),
                rules: LocalRules(pruning: pruning)
            )
            return LocalCorrection(task, parameters: parameters, start: start, adapter: adapter)
        }
    }

    @Test("pulls towards what was handed out: µ·(w − w₀), and nothing at w₀ or with µ = 0")
    func proximal() throws {
        let setting = try Setting()
        let moved = setting.start.map { $0 + 0.25 }
        var gradient = [Float](repeating: 1, count: moved.count)
        setting.correction(mu: 0.5).add(to: &gradient, at: moved)
        #expect(gradient.allSatisfy { abs($0 - 1.125) < 1e-6 })
        for (mu, values) in [(0.5, setting.start), (0, moved)] {
            var gradient = [Float](repeating: 1, count: moved.count)
            setting.correction(mu: mu).add(to: &gradient, at: values)
            #expect(gradient.allSatisfy { $0 == 1 })
        }
    }

    @Test("adds the gradient of λ·Σ ‖B[:, q:]‖·‖A[q:, :]‖, by finite differences")
    func pruning() throws {
        let setting = try Setting()
        let pruning = RankPruning(gamma: 0.7, penalty: 2)
        var gradient = [Float](repeating: 0, count: setting.start.count)
        setting.correction(pruning: pruning).add(to: &gradient, at: setting.start)
        #expect(gradient.contains { $0 != 0 })
        func penalty(_ values: [Float]) -> Double {
            2 * pruning.suffixMagnitude(of: setting.parameters.adapter(values))
        }
        for index in stride(from: 0, to: setting.start.count, by: 5) {
            var (up, down) = (setting.start, setting.start)
            up[index] += 1e-2
            down[index] -= 1e-2
            let expected = (penalty(up) - penalty(down)) / 2e-2
            #expect(abs(Double(gradient[index]) - expected) < 1e-3, "number \(index)")
        }
    }

    @Test("leaves a suffix of zeros alone, where the norm has no gradient")
    func zeroSuffix() throws {
        let setting = try Setting()
        let zeros = [Float](repeating: 0, count: setting.start.count)
        var gradient = zeros
        setting.correction(pruning: RankPruning(gamma: 0.7, penalty: 2)).add(to: &gradient, at: zeros)
        #expect(gradient == zeros)
    }
}
