package import DifferentialPrivacy

/// What the release of one round's result costs, recorded before anything of it leaves the server.
///
/// Where the server adds the noise, it closes its round: what is released is decided by then, and a server that stops in
/// between releases the same again.
package struct PrivacyCharge: Hashable, Sendable, Codable {
    package let round: Int
    /// What it adds to the ledger; `nil` where an earlier charge covers it.
    package let steps: NoisedSteps?
    /// C of this round.
    package let clippingNorm: Double
    /// What the round's noise is made from, never to be known; `nil` where clients add it, and when the run has ended.
    package internal(set) var noiseKey: NoiseKey?
    /// Whether later rounds' noise follows from the same key; one that they do not need is forgotten with the release, and
    /// all are with the run, so that nobody who reads the store later can take the noise off.
    package let isKeyShared: Bool

    package init(
        round: Int,
        steps: NoisedSteps?,
        clippingNorm: Double,
        noiseKey: NoiseKey?,
        isKeyShared: Bool = false
    ) {
        self.isKeyShared = isKeyShared
        self.round = round
        self.steps = steps
        self.clippingNorm = clippingNorm
        self.noiseKey = noiseKey
    }
}
