/// The linear layers of one block of a transformer, in the order of the forward pass.
///
/// BERT and Llama share the places and differ in their names for them; only Llama has a gate.
enum LayerRole: Int, Sendable, CaseIterable {
    case query
    case key
    case value
    case attentionOutput
    /// What the activation is applied to where the feed-forward half is gated.
    case gate
    /// From the model's width to the wide one.
    case intermediate
    /// Back to the model's width.
    case output

    /// What the layer reads.
    var input: LayerInput {
        switch self {
        case .query, .key, .value: .attention
        case .attentionOutput: .attentionOutput
        case .gate, .intermediate: .intermediate
        case .output: .output
        }
    }
}

/// The inputs that linear layers of one block read; layers that read the same one form a ``LowRankGroup``.
enum LayerInput: Int, Sendable, CaseIterable, Comparable {
    case attention
    case attentionOutput
    case intermediate
    case output

    static func < (left: LayerInput, right: LayerInput) -> Bool { left.rawValue < right.rawValue }
}
