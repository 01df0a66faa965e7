package import Adapters
package import Aggregation
package import DifferentialPrivacy

/// The server half of `central` and `dp-ftrl`: the noised mean of what the clients of a round sent.
///
/// It stands in for all of them: to the strategy, and to everything after it, there is one client of weight 1 that sent
/// the mean. What follows from a private mean alone is as private.
package struct CentralPrivacy: Sendable {
    /// What may be released of a round.
    package struct Release {
        /// The one client that a strategy gets to see.
        package let update: ClientUpdate
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
    /// The noise, which is drawn while clients train: it depends on nothing that they send.
    private let noise: Task<Result<GridNoise, PrivacyError>, Never>

    /// Begins to draw a round's noise.
    ///
    /// - Parameters:
    ///   - settings: Of the job.
    ///   - expectedCohort: qN.
    ///   - round: The round.
    ///   - clippingNorm: C of this round.
    ///   - noiseKey: What the noise follows from; it must be durable before ``release(_:from:)`` is called.
    ///   - scope: What clients send.
    ///   - global: What they start from, at the one rank that they have.
    package init(
        settings: PrivacySettings,
        expectedCohort: Int,
        round: Int,
        clippingNorm: Double,
        noiseKey: NoiseKey,
        scope: UpdateScope,
        global: LoRAAdapter
    ) {
        self.settings = settings
        self.expectedCohort = expectedCohort
        self.round = round
        self.clippingNorm = clippingNorm
        self.noiseKey = noiseKey
        self.scope = scope
        let dimension = global.sentElementCount(scope)
        noise = Task.detached(priority: .utility) {
            Result { () throws(PrivacyError) in
                try Self.noise(
                    of: settings,
                    expectedCohort: expectedCohort,
                    round: round,
                    on: FixedPointGrid(clippingNorm: clippingNorm, dimension: dimension),
                    from: noiseKey
                )
            }
        }
    }

    /// Adds up the changes of `updates`, each clipped here whatever its client did, on noise that was drawn before.
    ///
    /// - Parameters:
    ///   - updates: At most one of each client, checked; possibly none.
    ///   - global: What they started from, at the one rank that they have.
    /// - Returns: The mean's adapter, and the next clipping norm.
    /// - Throws: ``PrivacyError`` when the noise does not fit the grid of this norm and this many numbers.
    package func release(_ updates: [ClientUpdate], from global: LoRAAdapter) async throws(PrivacyError) -> Release {
        let grid = try FixedPointGrid(clippingNorm: clippingNorm, dimension: global.sentElementCount(scope))
        var adaptive = try Self.adaptiveClipping(settings, from: clippingNorm, expectedCohort: expectedCohort)
        let countNoise = try adaptive?.countNoise(from: noiseKey)
        let changes = updates.map { $0.adapter.change(since: $0.handed ?? global, scope) }
        let (mean, clippedCount) = try PrivateSum(startingWith: try await noise.value.get(), on: grid)
            .mean(
                adding: changes,
                over: Double(expectedCohort),
                cutInto: global.sentLengths(scope)
            )
        if let countNoise {
            adaptive?.update(unclippedCount: updates.count - clippedCount, of: updates.count, noise: countNoise)
        }
        return Release(
            update: ClientUpdate(client: ClientID("the noised mean"), weight: 1, adapter: global.adding(mean, scope)),
            clippingNorm: adaptive?.norm
        )
    }

    private static func noise(
        of settings: PrivacySettings,
        expectedCohort: Int,
        round: Int,
        on grid: FixedPointGrid,
        from key: NoiseKey
    ) throws(PrivacyError) -> GridNoise {
        let adaptive = try adaptiveClipping(settings, from: grid.clippingNorm, expectedCohort: expectedCohort)
        let multiplier =
            try adaptive?.updateMultiplier(forTotal: settings.noiseMultiplier) ?? settings.noiseMultiplier
        let mechanism = try GaussianMechanism(grid: grid, noiseMultiplier: multiplier)
        return settings.mechanism == .tree
            ? NoiseTree(mechanism, key: key).increment(at: round) : mechanism.noise(from: key)
    }

    private static func adaptiveClipping(
        _ settings: PrivacySettings,
        from norm: Double,
        expectedCohort: Int
    ) throws(PrivacyError) -> AdaptiveClippingNorm? {
        guard let adaptive = settings.adaptiveClipping else { return nil }
        return try AdaptiveClippingNorm(
            norm: norm,
            targetQuantile: adaptive.quantile,
            learningRate: adaptive.learningRate,
            expectedCount: Double(expectedCohort)
        )
    }
}
