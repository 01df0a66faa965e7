import Adapters
import Aggregation
import DifferentialPrivacy

/// The server half of `central` and `dp-ftrl`: the noised mean of what the clients of a round sent.
///
/// It stands in for all of them: to the strategy, and to everything after it, there is one client of weight 1 that sent
/// the mean. What follows from a private mean alone is as private.
package struct CentralPrivacy: Sendable {
    /// What may be released of a round.
    struct Release {
        /// The one client that a strategy gets to see.
        let update: ClientUpdate
        /// To what the next round's updates are clipped; `nil` where that does not follow the updates.
        let clippingNorm: Double?
    }

    let settings: PrivacySettings
    /// qN: what sums are divided by, however many take part.
    let expectedCohort: Int
    let round: Int
    /// C of this round.
    let clippingNorm: Double
    let noiseKey: NoiseKey
    /// What clients send.
    let scope: UpdateScope

    /// Adds up the changes of `updates`, each clipped here whatever its client did, on noise that was drawn before.
    ///
    /// - Parameters:
    ///   - updates: At most one of each client, checked; possibly none.
    ///   - global: What they started from, at the one rank that they have.
    /// - Returns: The mean's adapter, and the next clipping norm.
    /// - Throws: ``PrivacyError`` when the noise does not fit the grid of this norm and this many numbers.
    func release(_ updates: [ClientUpdate], from global: LoRAAdapter) throws(PrivacyError) -> Release {
        let grid = try FixedPointGrid(clippingNorm: clippingNorm, dimension: global.sentElementCount(scope))
        var adaptive = try settings.adaptiveClipping.map { adaptive throws(PrivacyError) in
            try AdaptiveClippingNorm(
                norm: clippingNorm,
                targetQuantile: adaptive.quantile,
                learningRate: adaptive.learningRate,
                expectedCount: Double(expectedCohort)
            )
        }
        let multiplier =
            try adaptive?.updateMultiplier(forTotal: settings.noiseMultiplier) ?? settings.noiseMultiplier
        let countNoise = try adaptive?.countNoise(from: noiseKey)
        var sum = PrivateSum(startingWith: try noise(multiplier, on: grid), on: grid)
        var unclippedCount = 0
        for update in updates {
            let change = update.adapter.resident().change(since: update.handed ?? global, scope)
            if try !sum.add(change) { unclippedCount += 1 }
        }
        if let countNoise { adaptive?.update(unclippedCount: unclippedCount, of: updates.count, noise: countNoise) }
        let mean = sum.mean(over: Double(expectedCohort))
        return Release(
            update: ClientUpdate(client: ClientID("the noised mean"), weight: 1, adapter: global.adding(mean, scope)),
            clippingNorm: adaptive?.norm
        )
    }

    private func noise(_ multiplier: Double, on grid: FixedPointGrid) throws(PrivacyError) -> GridNoise {
        let mechanism = try GaussianMechanism(grid: grid, noiseMultiplier: multiplier)
        return settings.mechanism == .tree
            ? NoiseTree(mechanism, key: noiseKey).increment(at: round) : mechanism.noise(from: noiseKey)
    }
}
