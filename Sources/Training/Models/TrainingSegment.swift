/// A share of one client's mini-batch, and the adapter that it is trained with.
///
/// Segments of several clients go through the frozen model as one batch; what is low-rank, the head, the losses and the
/// gradients stay with each segment.
struct TrainingSegment: Sendable {
    let batch: TrainingBatch
    /// By how much each target's loss counts in the gradient: 1/n for a mean over n targets.
    let weight: Double
    let adapter: ActiveAdapter
    /// How each text's gradient is clipped; the weight does not count then.
    var clipping: ExampleClipping?
}

extension [TrainingSegment] {
    /// Where the gradient of each segment lies when they lie one after the other, and last where they end.
    var gradientStarts: [Int] {
        reduce(into: [0]) { starts, segment in starts.append(starts[starts.count - 1] + segment.adapter.layout.count) }
    }
}
