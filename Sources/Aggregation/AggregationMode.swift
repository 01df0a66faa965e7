/// What a strategy averages.
package enum AggregationMode: String, Sendable, Hashable, Codable, CaseIterable {
    /// What the clients now hold. Published FlexLoRA does this; where ranks differ, the components that few clients
    /// receive shrink with every round, whether anyone trains or not.
    case state
    /// What changed against what the clients downloaded. Nothing moves that nobody trained.
    case delta
}
