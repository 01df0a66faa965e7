import Adapters

/// Everything that a pass of a Llama model over some texts writes: one for each thread, used again for every pass.
struct LlamaWorkspace: Sendable {
    /// The output of the embedding and of each layer, a row a token.
    var hidden: [[Float]]
    /// One for each layer, or one for all when no way back follows.
    var tapes: [LlamaLayerTape]
    var angles: RotaryAngles
    var scratch = LlamaScratch()
    var prediction = NextTokenScratch()

    /// Creates an empty workspace; buffers grow when they are used.
    init(_ model: LlamaModel, recording: Bool) {
        let layerCount = model.layers.count
        hidden = Array(repeating: [], count: recording ? layerCount + 1 : 2)
        tapes = Array(repeating: LlamaLayerTape(), count: recording ? layerCount : 1)
        angles = RotaryAngles(headWidth: model.configuration.headWidth, base: model.configuration.rotationBase)
    }
}

/// What the forward pass of one decoder layer leaves; an adapter's u = A·x is kept for each input.
///
/// Outputs of RMSNorm and of the gated activation are not kept: finding them again costs one pass over them.
struct LlamaLayerTape: Sendable {
    // The attention's half
    var inverseDeviation: [Float] = []
    /// Q and K, already turned.
    var query: [Float] = []
    var key: [Float] = []
    var value: [Float] = []
    var attentionProjection: [Float] = []
    var probabilities: [Float] = []
    var context: [Float] = []
    var contextProjection: [Float] = []
    /// The half's output: input and attention, summed.
    var attended: [Float] = []

    // The feed-forward half
    var attendedInverseDeviation: [Float] = []
    var attendedProjection: [Float] = []
    /// The inputs of the gated activation; the way back puts their gradients in their place.
    var gate: [Float] = []
    var up: [Float] = []
    var activatedProjection: [Float] = []
}

/// Buffers whose content does not outlive a layer, but for ``gradient``.
struct LlamaScratch: Sendable {
    var normalized: [Float] = []
    var activated: [Float] = []
    /// What dropout leaves of an adapter's input.
    var dropped: [Float] = []
    /// The gradient of the output of the layer at hand, and then of its input.
    var gradient: [Float] = []
    /// The gradient of an RMSNorm's output.
    var normalizedGradient: [Float] = []
    var activatedGradient: [Float] = []
    var contextGradient: [Float] = []
    var queryGradient: [Float] = []
    var keyGradient: [Float] = []
    var valueGradient: [Float] = []
    /// The gradient of the logits of one panel of the attention.
    var attentionLogits: [Float] = []
    var projectionGradient: [Float] = []
}
