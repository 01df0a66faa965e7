/// Runs a Llama model's passes on one thread.
struct LlamaWorker: ModelWorker {
    let model: LlamaModel
    private var workspace: LlamaWorkspace

    init(model: LlamaModel, recording: Bool) {
        self.model = model
        workspace = LlamaWorkspace(model, recording: recording)
    }

    mutating func differentiate(
        _ batch: TrainingBatch,
        weight: Double,
        adapter: ActiveAdapter,
        addingTo gradient: inout [Float]
    ) -> Double {
        let adapter = BatchAdapter(adapter, over: batch.texts)
        run(batch.texts, weight: Float(weight), adapter: adapter)
        model.head.propagate(
            of: batch.texts,
            hidden: workspace.hidden[model.layers.count],
            scratch: &workspace.prediction,
            into: &workspace.scratch.gradient
        )
        model.propagate(through: batch.texts, adapter: adapter, in: &workspace, adding: &gradient)
        return workspace.prediction.losses.reduce(0, +)
    }

    mutating func judge(_ texts: PackedTexts, adapter: ActiveAdapter) -> [TextOutput] {
        run(texts, weight: nil, adapter: BatchAdapter(adapter, over: texts))
        var first = 0
        return texts.map { text in
            defer { first += text.count - 1 }
            let losses = workspace.prediction.losses[first..<first + text.count - 1]
            return .nextTokens(loss: losses.reduce(0, +), count: losses.count)
        }
    }

    private mutating func run(_ texts: PackedTexts, weight: Float?, adapter: BatchAdapter) {
        model.run(texts, adapter: adapter, in: &workspace)
        model.head.run(
            on: texts,
            hidden: workspace.hidden[model.layers.count % workspace.hidden.count],
            weight: weight,
            scratch: &workspace.prediction
        )
    }
}
