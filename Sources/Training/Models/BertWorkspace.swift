import LinearAlgebra

/// Everything that a pass over some texts writes: one for each thread, used again for every pass.
///
/// A forward pass leaves in the tapes what the way back reads. An evaluation needs no way back, so one tape serves all
/// layers in turn.
struct BertWorkspace: Sendable {
    /// The output of the embeddings and of each layer, of which the last has a row a text.
    var hidden: [[Float]]
    var tapes: [BertLayerTape]
    var head = BertHeadTape()
    var scratch = BertScratch()

    /// Creates an empty workspace; buffers grow when they are used.
    ///
    /// - Parameters:
    ///   - layerCount: How many layers the model has.
    ///   - recording: Whether a way back follows the forward passes.
    init(layerCount: Int, recording: Bool) {
        hidden = Array(repeating: [], count: recording ? layerCount + 1 : 2)
        tapes = Array(repeating: BertLayerTape(), count: recording ? layerCount : 1)
    }
}

/// What the forward pass of one encoder layer leaves.
///
/// An adapter's u = A·x is kept for each input.
struct BertLayerTape: Sendable {
    // The attention's half
    var query: [Float] = []
    var key: [Float] = []
    var value: [Float] = []
    var attentionProjection: [Float] = []
    var probabilities: [Float] = []
    var context: [Float] = []
    var contextProjection: [Float] = []
    /// The half's output, after its LayerNorm.
    var attended: [Float] = []
    var attentionNormalized: [Float] = []
    var attentionInverseDeviation: [Float] = []

    // The feed-forward half
    var attendedProjection: [Float] = []
    /// GELU' at the intermediate layer's output.
    var activationSlope: [Float] = []
    /// GELU's output; kept only when the layer that reads it is adapted.
    var activated: [Float] = []
    var activatedProjection: [Float] = []
    var outputNormalized: [Float] = []
    var outputInverseDeviation: [Float] = []

    // In the last layer, the rows of first tokens
    var askingInput: [Float] = []
    var askingProjection: [Float] = []
}

/// What the forward pass through pooler and head leaves, a row a text.
struct BertHeadTape: Sendable {
    var pooled: [Float] = []
    var projection: [Float] = []
    var logits: [Float] = []
}

/// Buffers whose content does not outlive a layer, but for ``gradient``.
struct BertScratch: Sendable {
    /// GELU's output when nothing will read it again.
    var activated: [Float] = []
    /// What dropout leaves of an adapter's input.
    var dropped: [Float] = []
    /// The gradient of the output of the layer at hand, and then of its input.
    var gradient: [Float] = []
    var inputGradient: [Float] = []
    var intermediateGradient: [Float] = []
    var contextGradient: [Float] = []
    var queryGradient: [Float] = []
    var keyGradient: [Float] = []
    var valueGradient: [Float] = []
    /// The right-hand factor of a product of one head of one text.
    var packed = PackedMatrix()
    /// The gradient of the logits of one head of one text.
    var attentionLogits: [Float] = []
    var projectionGradient: [Float] = []
    /// In the last layer, the rows of first tokens.
    var askingProjectionGradient: [Float] = []
}
