package import Adapters
package import Aggregation

/// What a job's strategy asks of the local training in one round.
package struct LocalRules: Hashable, Sendable, Codable {
    /// What is trained, and what of it is sent.
    package var scope: UpdateScope
    /// How a client may lower its rank; `nil` when it stays as ordered.
    package var pruning: RankPruning?
    /// Whether gradients are corrected by control variates (SCAFFOLD).
    package var usesControlVariates: Bool

    package init(
        scope: UpdateScope = .everything,
        pruning: RankPruning? = nil,
        usesControlVariates: Bool = false
    ) {
        self.scope = scope
        self.scope.sendsControls = usesControlVariates
        self.pruning = pruning
        self.usesControlVariates = usesControlVariates
    }

    /// Everything is trained and sent, as in plain LoRA.
    package static let plain = LocalRules()

    /// Whether a client has to remember something from round to round.
    package var needsMemory: Bool { scope.isPersonal || pruning != nil || usesControlVariates }
}
