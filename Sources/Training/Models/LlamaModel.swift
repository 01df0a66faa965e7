import Adapters
import LinearAlgebra

/// A Llama decoder, whose weights stay in the mapped file, shared and frozen.
///
/// The task model is that of `LlamaForCausalLM`. All state of a pass lies in a ``LlamaWorkspace``, so one model serves any
/// number of threads.
struct LlamaModel: Sendable {
    let configuration: LlamaConfiguration
    let words: ModelWeight
    var layers: [LlamaDecoderLayer]
    let head: NextTokenHead
    /// What layers below every adapter made of texts; another one where ``layers`` are others.
    var prefix = FrozenPrefix()

    /// The module path of a linear layer, as PEFT names it.
    static func path(layer: Int, role: LayerRole) -> String {
        let name =
            switch role {
            case .query: "self_attn.q_proj"
            case .key: "self_attn.k_proj"
            case .value: "self_attn.v_proj"
            case .attentionOutput: "self_attn.o_proj"
            case .gate: "mlp.gate_proj"
            case .intermediate: "mlp.up_proj"
            case .output: "mlp.down_proj"
            }
        return "model.layers.\(layer).\(name)"
    }

    /// Takes the weights of an opened directory; matrices of 32-bit floats are not copied.
    ///
    /// - Throws: `AdapterError` that names the tensor which is missing or has another shape than `config.json` says.
    init(_ configuration: LlamaConfiguration, in directory: BaseModelDirectory) throws {
        self.configuration = configuration
        let weights = LlamaWeights(directory: directory, configuration: configuration)
        words = try weights.matrix("model.embed_tokens.weight")
        layers = try (0..<configuration.layerCount).map { try weights.layer($0) }
        head = NextTokenHead(
            norm: try weights.norm("model.norm"),
            projection: VocabularyProjection(
                configuration.tiesEmbeddings ? words : try weights.matrix("lm_head.weight"),
                vocabularySize: configuration.vocabularySize,
                width: configuration.hiddenSize
            )
        )
    }

    // MARK: - Passes

    /// Runs texts through the layers; `workspace.hidden` then holds the last one's output.
    ///
    /// - Precondition: Token ids and text lengths are within the model's configuration.
    func run(_ texts: PackedTexts, adapter: BatchAdapter, in workspace: inout LlamaWorkspace) {
        let depth = adapter.lowestAdapted?.layer ?? layers.count
        runFrozen(0..<depth, on: texts, in: &workspace)
        workspace.angles.prepare(for: texts)
        let isRecording = workspace.tapes.count == layers.count
        for index in depth..<layers.count {
            run(index, on: texts, adapter: adapter.layer(index), tape: isRecording ? index : 0, in: &workspace)
        }
    }

    /// Runs texts through the embedding and the layers below every adapter, those of them that are not known yet.
    private func runFrozen(_ frozen: Range<Int>, on texts: PackedTexts, in workspace: inout LlamaWorkspace) {
        guard !frozen.isEmpty else { return embed(texts, into: &workspace.hidden[0]) }
        let place = frozen.count % workspace.hidden.count
        // Taken out for the call, so that the layers can use the workspace.
        var rows: [Float] = []
        swap(&rows, &workspace.hidden[place])
        prefix.complete(texts, depth: frozen.count, into: &rows) { missing in
            embed(missing, into: &workspace.hidden[0])
            workspace.angles.prepare(for: missing)
            // No way back reaches these layers, so that they share one tape.
            for index in frozen { run(index, on: missing, adapter: .unadapted, tape: 0, in: &workspace) }
            var found: [Float] = []
            swap(&found, &workspace.hidden[place])
            return found
        }
        swap(&rows, &workspace.hidden[place])
    }

    private func run(
        _ index: Int,
        on texts: PackedTexts,
        adapter: LayerAdapter,
        tape: Int,
        in workspace: inout LlamaWorkspace
    ) {
        let source = index % workspace.hidden.count
        let target = (index + 1) % workspace.hidden.count
        // Taken out for the call, so that one buffer can be read while the other is written.
        var result: [Float] = []
        swap(&result, &workspace.hidden[target])
        layers[index].run(
            on: texts,
            input: workspace.hidden[source],
            adapter: adapter,
            angles: workspace.angles,
            tape: &workspace.tapes[tape],
            scratch: &workspace.scratch,
            into: &result
        )
        swap(&result, &workspace.hidden[target])
    }

    /// Adds the gradient of the adapter's numbers to `gradient`, given that of the last layer's output in
    /// `workspace.scratch.gradient`.
    ///
    /// Goes no further down than the lowest adapted place.
    func propagate(
        through texts: PackedTexts,
        adapter: BatchAdapter,
        in workspace: inout LlamaWorkspace,
        adding gradient: inout [Float]
    ) {
        precondition(workspace.tapes.count == layers.count, "the way back needs a recording workspace")
        guard let lowest = adapter.lowestAdapted else { return }
        for index in layers.indices.reversed() where index >= lowest.layer {
            layers[index].propagate(
                through: texts,
                input: workspace.hidden[index],
                adapter: adapter.layer(index),
                angles: workspace.angles,
                tape: &workspace.tapes[index],
                depth: index > lowest.layer ? .input : .adapted(lowest.input),
                scratch: &workspace.scratch,
                gradient: &gradient
            )
        }
    }

    private func embed(_ texts: PackedTexts, into result: inout [Float]) {
        let width = configuration.hiddenSize
        result.resize(to: texts.tokenCount * width)
        var rows = result.mutableSpan
        words.withElements { words in
            for (index, token) in texts.tokens.enumerated() {
                rows.withElements(in: index * width..<(index + 1) * width) { row in
                    let first = Int(token) * width
                    row.copy(words.extracting(first..<first + width))
                }
            }
        }
    }
}
