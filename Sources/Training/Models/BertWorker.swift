/// Runs a BERT model's passes on one thread.
struct BertWorker: ModelWorker {
    let model: BertModel
    private var workspace: BertWorkspace
    private var logitsGradient: [Float] = []

    init(model: BertModel, recording: Bool) {
        self.model = model
        workspace = BertWorkspace(layerCount: model.layers.count, recording: recording)
    }

    mutating func differentiate(
        _ batch: TrainingBatch,
        weight: Double,
        adapter: ActiveAdapter,
        addingTo gradient: inout [Float]
    ) -> Double {
        model.run(batch.texts, adapter: adapter, in: &workspace)
        let loss = CrossEntropy.losses(
            of: workspace.head.logits,
            labels: batch.labels,
            weight: weight,
            gradient: &logitsGradient
        )
        model.propagate(logitsGradient, through: batch.texts, adapter: adapter, in: &workspace, adding: &gradient)
        return loss
    }

    mutating func judge(_ texts: PackedTexts, adapter: ActiveAdapter) -> [TextOutput] {
        model.run(texts, adapter: adapter, in: &workspace)
        let logits = workspace.head.logits
        let width = logits.count / max(texts.count, 1)
        return texts.indices.map { .logits(Array(logits[$0 * width..<($0 + 1) * width])) }
    }
}
