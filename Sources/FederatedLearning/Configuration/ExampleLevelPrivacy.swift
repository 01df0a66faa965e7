/// What a training does so that its result tells little about any single example: DP-SGD.
///
/// Each example's gradient is clipped, jointly over all that is trained, and every step's sum gets Gaussian noise. Batches
/// are Poisson samples of the silo's examples.
package struct ExampleLevelPrivacy: Hashable, Sendable, Codable {
    /// C: the largest L2 norm of an example's gradient, finite and above 0.
    package var clippingNorm: Double
    /// z: the noise's standard deviation in multiples of C, finite and above 0.
    package var noiseMultiplier: Double

    package init(clippingNorm: Double, noiseMultiplier: Double) {
        self.clippingNorm = clippingNorm
        self.noiseMultiplier = noiseMultiplier
    }
}
