import Adapters
import LinearAlgebra

/// The norm of every example's gradient and the sum of the clipped gradients, from one pass there and back.
///
/// What example-level differential privacy needs of a step: each text's gradient is clipped before they are summed. Norms
/// come from factors ("ghost norms", Li et al., 2022, arXiv:2110.05679), and the sum from the same factors ("book-keeping",
/// Bu et al., 2023, arXiv:2210.00038), so there is no second way back and never a gradient for each example.
struct ExampleGradients: Sendable {
    /// The L2 norm of the gradient of each text's mean loss, jointly over all trained factors and the head.
    let norms: [Double]
    /// The sum of the clipped gradients, as long as the adapter's flat parameters; zero where nothing is trained.
    let sum: [Float]
    /// The sum of the losses.
    let loss: Double

    /// Clips and sums the gradients of the texts' mean losses.
    ///
    /// - Parameters:
    ///   - batch: Texts with what is expected of them.
    ///   - adapter: What is trained; its dropout has to be off, since masks would tie a text's gradient to its place.
    ///   - clipping: The largest norm, and what counts in it.
    ///   - worker: The model with a recording workspace.
    init(of batch: TrainingBatch, adapter: ActiveAdapter, clipping: ExampleClipping, by worker: inout any ModelWorker) {
        precondition(adapter.dropout == nil, "dropout has no per-example gradients")
        let recorder = ExampleRecorder(batch.texts, trained: clipping.trained, bases: clipping.bases)
        loss = worker.record(batch, adapter: adapter, in: recorder)
        // A text's mean loss is over one target where it has a label, and over its tokens but the first where not.
        let targets = batch.texts.map { batch.labels.isEmpty ? Double($0.count - 1) : 1 }
        let norms = zip(recorder.norms, targets).map { $0 / $1 }
        var sum = [Float](repeating: 0, count: adapter.layout.count)
        recorder.addSum(weights: zip(norms, targets).map { clipping.weight(ofNorm: $0) / $1 }, to: &sum)
        (self.norms, self.sum) = (norms, sum)
    }
}
