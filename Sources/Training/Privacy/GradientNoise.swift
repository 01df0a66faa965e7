import DifferentialPrivacy
import FederatedLearning
import LinearAlgebra

/// The noise of a private training's steps.
struct GradientNoise: Sendable {
    private enum Source: Sendable {
        case secret(NoiseKey)
        case simulation(SimulatedGaussian)
    }

    private let mechanism: GaussianMechanism
    private var source: Source
    private var step = 0

    /// Prepares the noise of a training.
    ///
    /// - Parameters:
    ///   - privacy: How much of it.
    ///   - count: How many numbers are trained.
    ///   - training: Which source it comes from.
    /// - Throws: `PrivacyError` when a setting is out of range.
    init(_ privacy: ExampleLevelPrivacy, count: Int, of training: LocalTraining) throws(PrivacyError) {
        mechanism = try GaussianMechanism(
            grid: FixedPointGrid(clippingNorm: privacy.clippingNorm, dimension: count),
            noiseMultiplier: privacy.noiseMultiplier
        )
        source =
            switch training.noise {
            case .secret(let key): .secret(key.derived(for: "gradients"))
            case .simulation:
                .simulation(
                    SimulatedGaussian(
                        deviation: privacy.noiseMultiplier * privacy.clippingNorm,
                        generator: training.task.generator(RandomStream.privateNoise, client: training.client)
                    )
                )
            }
    }

    /// The norm that each example's gradient is clipped to.
    var clippingNorm: Double { mechanism.termNorm }

    /// Adds a step's noise to a sum of clipped gradients, and divides it by the expected number of examples.
    ///
    /// - Parameters:
    ///   - sum: The sum, which the mean takes the place of.
    ///   - denominator: The expected number of examples.
    /// - Throws: `PrivacyError.notFinite` when a number is infinite or NaN.
    mutating func average(_ sum: inout [Float], over denominator: Double) throws(PrivacyError) {
        step += 1
        switch source {
        case .secret(let key):
            let noise = mechanism.noise(from: key.derived(for: "step \(step)"))
            sum = try mechanism.noisedMean(ofTerms: sum, noise: noise, over: denominator)
        case .simulation(var gaussian):
            guard allFinite(sum.span) else { throw .notFinite }
            gaussian.add(to: &sum)
            source = .simulation(gaussian)
            for index in sum.indices { sum[index] = Float(Double(sum[index]) / denominator) }
        }
    }
}
