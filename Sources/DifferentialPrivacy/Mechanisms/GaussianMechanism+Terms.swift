/// Sums whose terms are never at hand one by one, such as those of clipped gradients.
extension GaussianMechanism {
    /// What each term of a sum in floating point is clipped to, a little below the clipping norm.
    ///
    /// Rounding the sum to the grid takes up to one step in each number; another 2⁻¹⁰ is left for the rounding of the sum
    /// itself. Where n terms are summed in 32 bits by parts of m, and the parts in 64 bits, a sum is off by up to (m + 1)·n·2⁻²⁴
    /// clipping norms, and two sums by twice as much: enough for (m + 1)·n up to 8192. For larger batches, and for what the
    /// terms themselves are off by, nothing is proved.
    package var termNorm: Double {
        (Double(grid.bound) - Double(grid.dimension).squareRoot()) * grid.spacing * (1 - 0x1p-10)
    }

    /// Returns a noised sum, divided by a number that was fixed before.
    ///
    /// - Parameters:
    ///   - sum: A sum of terms of which each has a norm of at most ``termNorm``.
    ///   - noise: Drawn for this sum alone.
    ///   - denominator: The expected, never the actual, number of terms.
    /// - Returns: The mean that may be released.
    /// - Throws: ``PrivacyError/dimension(expected:found:)``, or ``PrivacyError/notFinite`` when a number is infinite or NaN.
    package func noisedMean(
        ofTerms sum: [Float],
        noise: consuming GridNoise,
        over denominator: Double
    ) throws(PrivacyError) -> [Float] {
        var noised = PrivateSum(startingWith: noise, on: grid)
        try noised.add(clippedTerms: sum)
        return noised.mean(over: denominator)
    }
}
