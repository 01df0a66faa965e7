import DifferentialPrivacy
import Testing

@Suite("The least noise for a budget")
struct NoiseCalibrationTests {
    @Test(
        "keeps the budget, and a little less noise does not",
        arguments: [
            (0.5, 1e-6, 300, ParticipantSampling.poisson(rate: 0.02)), (8, 1e-5, 200, .poisson(rate: 0.05)),
            (3, 1e-5, 1, .everyone), (60, 1e-8, 1000, .poisson(rate: 0.3)), (1e-3, 1e-5, 10, .everyone),
            (5000, 1e-5, 10, .everyone),
        ]
    )
    func smallest(epsilon: Double, delta: Double, steps: Int, sampling: ParticipantSampling) throws {
        let calibration = try NoiseCalibration(epsilon: epsilon, delta: delta, steps: steps, sampling: sampling)
        for accountant in AccountantRegistry.all {
            guard let noise = try? calibration.noiseMultiplier(by: accountant) else {
                #expect(sampling != .everyone)
                continue
            }
            func cost(_ noise: Double) throws -> Double {
                try accountant.epsilon(
                    of: NoisedSteps(noiseMultiplier: noise, sampling: sampling, count: steps),
                    delta: delta
                )
            }
            #expect(try cost(noise) <= epsilon)
            // The grid of losses may change in between, which moves ε by less than 0.1 %.
            #expect(try cost(noise * 0.998) > epsilon)
            // The beginning makes no difference beyond the tolerance.
            let other = try calibration.noiseMultiplier(by: accountant, near: 300)
            #expect(abs(other - noise) < 1e-3 * noise)
        }
    }

    @Test("Opacus finds the same noise, within its tolerance of 0.01 in ε")
    func opacus() throws {
        for (steps, renyi, tight) in [(2250, 1.416, 1.34765625), (2000, 1.3562, 1.2915)] {
            let calibration = try NoiseCalibration(
                epsilon: 8,
                delta: 1e-5,
                steps: steps,
                sampling: .poisson(rate: 0.04)
            )
            #expect(abs(try calibration.noiseMultiplier(by: RenyiAccountant.self) - renyi) < 3e-3)
            #expect(abs(try calibration.noiseMultiplier(by: LossDistributionAccountant.self) - tight) < 3e-3)
        }
    }

    @Test("dp-accounting finds the same noise for one sampled step")
    func oneStep() throws {
        let calibration = try NoiseCalibration(epsilon: 1, delta: 1e-5, steps: 1, sampling: .poisson(rate: 0.01))
        let noise = try calibration.noiseMultiplier(by: LossDistributionAccountant.self)
        #expect(noise >= 0.67379294682 && noise < 0.67379294682 * 1.001)
    }

    @Test("refuses what is no budget, by name")
    func refusals() {
        let wrong: [(epsilon: Double, delta: Double, steps: Int, rate: Double, name: String)] = [
            (0, 1e-5, 1, 1, "epsilon"), (.infinity, 1e-5, 1, 1, "epsilon"), (1, 0, 1, 1, "delta"),
            (1, 1, 1, 1, "delta"), (1, .nan, 1, 1, "delta"), (1, 1e-5, 0, 1, "rounds"),
            (1, 1e-5, 1, 2, "sampling_rate"),
        ]
        for (epsilon, delta, steps, rate, name) in wrong {
            let error = #expect(throws: PrivacyError.self) {
                try NoiseCalibration(epsilon: epsilon, delta: delta, steps: steps, sampling: .poisson(rate: rate))
            }
            guard case .parameter(name, _, _)? = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
        }
    }
}
