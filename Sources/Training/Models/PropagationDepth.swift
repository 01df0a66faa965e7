/// How far down the way back has to go in a block.
enum PropagationDepth: Sendable {
    /// To the block's input, because a lower block is adapted too.
    case input
    /// To the lowest adapted place in this block, and no further.
    case adapted(LayerInput)

    /// Whether the gradient of what the layers at `place` read is needed.
    func passes(_ place: LayerInput) -> Bool {
        switch self {
        case .input: true
        case .adapted(let lowest): place > lowest
        }
    }
}
