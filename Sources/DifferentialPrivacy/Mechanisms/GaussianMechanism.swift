private import LinearAlgebra

/// Releases sums of clipped updates with discrete Gaussian noise.
///
/// What is released can be had from the exact sum plus continuous Gaussian noise of zΔ steps in each number, without looking
/// at the updates again: so every accountant for the Gaussian mechanism with noise multiplier z holds for it. That takes a
/// little more variance than (zΔ)², and is true up to the ``distance``. <doc:DiscreteGaussianNoise> has the argument.
package struct GaussianMechanism: Sendable {
    package let grid: FixedPointGrid
    /// z: the noise's standard deviation in multiples of the clipping norm.
    package let noiseMultiplier: Double
    /// What each number's noise is drawn by.
    package let sampler: DiscreteGaussian

    /// Prepares the noise.
    ///
    /// - Parameters:
    ///   - grid: Where updates lie.
    ///   - noiseMultiplier: z, above 0. The noise may have up to 2⁴⁰ steps.
    /// - Throws: ``PrivacyError/parameter(name:value:range:)`` when z is not above 0, or too large.
    package init(grid: FixedPointGrid, noiseMultiplier: Double) throws(PrivacyError) {
        guard noiseMultiplier > 0, noiseMultiplier * Double(grid.bound) < DiscreteGaussian.largestDeviation else {
            throw .parameter(
                name: "noise_multiplier",
                value: noiseMultiplier,
                range: "a number above 0 and up to 2^16"
            )
        }
        let steps = noiseMultiplier * Double(grid.bound)
        let smoothing = DiscreteGaussian.smoothing
        self.grid = grid
        self.noiseMultiplier = noiseMultiplier
        sampler = try DiscreteGaussian(deviation: (steps * steps + smoothing * smoothing).squareRoot())
    }

    /// Draws the noise of one release.
    ///
    /// It follows from the key and the grid alone, so it can be drawn before any update arrives, and again after a crash.
    ///
    /// - Parameters:
    ///   - key: Of this release and no other.
    ///   - threads: How many threads draw.
    /// - Returns: Noise to begin a ``PrivateSum`` with.
    package func noise(from key: NoiseKey, threads: Int = Concurrency.processorCount) -> GridNoise {
        GridNoise(steps: sampler.numbers(grid.dimension, from: key.derived(for: "release"), threads: threads))
    }

    /// A bound on the total variation distance between a release and the Gaussian mechanism's, rounded at random.
    ///
    /// For T releases that are (ε, δ)-private with Gaussian noise, δ grows by (1 + exp ε)·T·distance. It is below 2⁻⁶⁰ for
    /// any dimension.
    package var distance: Double { Double(grid.dimension) * (sampler.distance + 0x1p-101) }
}
