import DifferentialPrivacy

/// The client half of `local`: one update, clipped and noised before it leaves the silo.
struct LocalPrivacy {
    /// C.
    let clippingNorm: Double
    /// z.
    let noiseMultiplier: Double
    /// What the noise is made from, known to nobody else.
    let key: NoiseKey

    /// Returns a change that may be sent: scaled to norm C at most, with noise of z·C on each of its numbers.
    ///
    /// - Throws: ``PrivacyError`` when a number is not finite, or the noise does not fit the grid.
    func noised(_ change: StoredChange) throws(PrivacyError) -> [[Float]] {
        let grid = try FixedPointGrid(clippingNorm: clippingNorm, dimension: change.count)
        let mechanism = try GaussianMechanism(grid: grid, noiseMultiplier: noiseMultiplier)
        return try mechanism.noised(change, by: mechanism.noise(from: key)).update
    }
}
