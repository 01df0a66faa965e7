/// Steps that release a clipped sum with Gaussian noise.
package struct NoisedSteps: Sendable, Hashable, Codable {
    /// z: the noise's standard deviation in multiples of the clipping norm, above 0.
    package var noiseMultiplier: Double
    package var sampling: ParticipantSampling
    /// How often the same is done, at least 0.
    package var count: Int

    package init(noiseMultiplier: Double, sampling: ParticipantSampling, count: Int = 1) {
        self.noiseMultiplier = noiseMultiplier
        self.sampling = sampling
        self.count = count
    }
}
