/// The linear layers of one encoder layer, in the order of the forward pass.
enum BertLayerRole: String, Sendable, CaseIterable {
    case query = "attention.self.query"
    case key = "attention.self.key"
    case value = "attention.self.value"
    case attentionOutput = "attention.output.dense"
    case intermediate = "intermediate.dense"
    case output = "output.dense"
}

/// The inputs that linear layers of one encoder layer read; layers that read the same one form a ``LowRankGroup``.
enum BertLayerInput: Int, Sendable, CaseIterable, Comparable {
    case attention
    case attentionOutput
    case intermediate
    case output

    /// The layers that read this input.
    var readers: [BertLayerRole] {
        switch self {
        case .attention: [.query, .key, .value]
        case .attentionOutput: [.attentionOutput]
        case .intermediate: [.intermediate]
        case .output: [.output]
        }
    }

    static func < (left: BertLayerInput, right: BertLayerInput) -> Bool { left.rawValue < right.rawValue }
}
