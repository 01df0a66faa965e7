private import LinearAlgebra

/// Local differential privacy: noise before an update leaves its owner, who then trusts nobody.
extension GaussianMechanism {
    /// Clips an update, and adds noise to it alone.
    ///
    /// Two updates that one owner might have differ by up to twice the clipping norm, so the noise multiplier
    /// towards whoever receives them is half of the mechanism's.
    ///
    /// - Parameters:
    ///   - update: Of any norm.
    ///   - noise: Drawn for this update alone, from a key that its owner keeps.
    ///   - threads: How many threads work on it.
    /// - Returns: What may be sent, tensor by tensor, and whether the update was longer than the clipping norm, which may not.
    /// - Throws: ``PrivacyError/dimension(expected:found:)`` or ``PrivacyError/notFinite``.
    package func noised(
        _ update: StoredChange,
        by noise: consuming GridNoise,
        threads: Int = Concurrency.processorCount
    ) throws(PrivacyError) -> (update: [[Float]], isClipped: Bool) {
        let (mean, clippedCount) = try PrivateSum(startingWith: noise, on: grid)
            .mean(adding: [update], over: 1, cutInto: update.lengths, threads: threads)
        return (mean, clippedCount == 1)
    }
}
