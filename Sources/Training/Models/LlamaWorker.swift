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
        differentiate(
            batch.texts,
            weight: Float(weight),
            adapter: BatchAdapter(adapter, over: batch.texts),
            addingTo: &gradient
        )
    }

    mutating func record(_ batch: TrainingBatch, adapter: ActiveAdapter, in recorder: ExampleRecorder) -> Double {
        var untouched = [Float](repeating: 0, count: adapter.layout.count)
        return differentiate(
            batch.texts,
            weight: 1,
            adapter: BatchAdapter(adapter, over: batch.texts, recorder: recorder),
            addingTo: &untouched
        )
    }

    private mutating func differentiate(
        _ texts: PackedTexts,
        weight: Float,
        adapter: BatchAdapter,
        addingTo gradient: inout [Float]
    ) -> Double {
        run(texts, weight: weight, adapter: adapter)
        model.head.propagate(
            of: texts,
            hidden: workspace.hidden[model.layers.count],
            scratch: &workspace.prediction,
            into: &workspace.scratch.gradient
        )
        model.propagate(through: texts, adapter: adapter, in: &workspace, adding: &gradient)
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
