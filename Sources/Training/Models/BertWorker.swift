/// Runs a BERT model's passes on one thread.
struct BertWorker: ModelWorker {
    let model: BertModel
    private var workspace: BertWorkspace
    private var texts = PackedTexts()
    private var logitsGradient: [Float] = []
    /// The gradient of one segment's logits.
    private var segmentGradient: [Float] = []

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
        var losses: [Double] = []
        differentiate(
            [TrainingSegment(batch: batch, weight: weight, adapter: adapter)],
            addingTo: &gradient,
            losses: &losses
        )
        return losses.reduce(0, +)
    }

    mutating func differentiate(
        _ segments: [TrainingSegment],
        addingTo gradients: inout [Float],
        losses: inout [Double]
    ) {
        texts.removeAll()
        for segment in segments { texts.append(contentsOf: segment.batch.texts) }
        let adapter = BatchAdapter(segments)
        model.run(texts, adapter: adapter, in: &workspace)
        losses.removeAll(keepingCapacity: true)
        logitsGradient.removeAll(keepingCapacity: true)
        var first = 0
        for (segment, rows) in zip(segments, adapter.segments) {
            let count = rows.texts.count * segment.adapter.layout.requiredHead.bias.count
            losses.append(
                CrossEntropy.losses(
                    of: workspace.head.logits[first..<first + count],
                    labels: segment.batch.labels,
                    weight: segment.weight,
                    gradient: &segmentGradient
                )
            )
            logitsGradient += segmentGradient
            first += count
        }
        model.propagate(logitsGradient, through: texts, adapter: adapter, in: &workspace, adding: &gradients)
    }

    mutating func record(_ batch: TrainingBatch, adapter: ActiveAdapter, in recorder: ExampleRecorder) -> Double {
        let adapters = BatchAdapter(adapter, over: batch.texts, recorder: recorder)
        model.run(batch.texts, adapter: adapters, in: &workspace)
        let loss = CrossEntropy.losses(
            of: workspace.head.logits[...],
            labels: batch.labels,
            weight: 1,
            gradient: &segmentGradient
        )
        var untouched = [Float](repeating: 0, count: adapter.layout.count)
        model.propagate(segmentGradient, through: batch.texts, adapter: adapters, in: &workspace, adding: &untouched)
        return loss
    }

    mutating func judge(_ texts: PackedTexts, adapter: ActiveAdapter) -> [TextOutput] {
        model.run(texts, adapter: BatchAdapter(adapter, over: texts), in: &workspace)
        let logits = workspace.head.logits
        let width = logits.count / max(texts.count, 1)
        return texts.indices.map { .logits(Array(logits[$0 * width..<($0 + 1) * width])) }
    }
}
