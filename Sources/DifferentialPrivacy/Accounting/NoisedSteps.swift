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

    /// Checks that every parameter is in its range.
    ///
    /// - Throws: ``PrivacyError/parameter(name:value:range:)`` that names the first one which is not.
    package func validate() throws(PrivacyError) {
        guard noiseMultiplier.isFinite, noiseMultiplier > 0 else {
            throw .parameter(name: "noise_multiplier", value: noiseMultiplier, range: "a finite number above 0")
        }
        guard sampling.rate > 0, sampling.rate <= 1 else {
            throw .parameter(name: "sampling_rate", value: sampling.rate, range: "a number above 0 and at most 1")
        }
        guard count >= 0 else {
            throw .parameter(name: "count", value: Double(count), range: "a whole number of at least 0")
        }
    }
}
