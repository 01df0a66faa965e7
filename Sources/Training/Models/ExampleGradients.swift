import Adapters
import LinearAlgebra

/// Finds the norm of every example's gradient and a weighted sum of the gradients, in one pass there and back.
///
/// What example-level differential privacy needs of a step: each text's gradient is clipped before they are summed. Norms
/// come from factors ("ghost norms", Li et al., 2022, arXiv:2110.05679), and the sum from the same factors ("book-keeping",
/// Bu et al., 2023, arXiv:2210.00038), so there is no second way back and never a gradient for each example.
struct ExampleGradients: Sendable {
    /// What a batch gave.
    struct Result: Sendable {
        /// The L2 norm of each text's gradient, jointly over all trained factors and the head.
        let norms: [Double]
        /// The sum of the weighted gradients, as long as the adapter's flat parameters; zero where nothing is trained.
        let sum: [Float]
        /// The sum of the losses.
        let loss: Double
    }

    private let model: BertModel
    private var workspace: BertWorkspace
    private var logitsGradient: [Float] = []

    init(model: BertModel) {
        self.model = model
        workspace = BertWorkspace(layerCount: model.layers.count, recording: true)
    }

    /// Sums the gradients of the texts' losses, each by a weight that follows from its norm.
    ///
    /// - Parameters:
    ///   - batch: Texts with their labels.
    ///   - adapter: What is trained; its dropout has to be off, since masks would tie a text's gradient to its place.
    ///   - trained: Which factors count in norms and sum, beside the head. Cores are not covered.
    ///   - weight: The weight of a gradient of the given norm, such as min(1, C/norm).
    /// - Returns: Norms and sum.
    mutating func sum(
        of batch: TrainingBatch,
        adapter: ActiveAdapter,
        trained: TrainedFactors = .both,
        weight: (Double) -> Double
    ) -> Result {
        precondition(adapter.dropout == nil && !trained.includesCore, "dropout and cores have no per-example gradients")
        let recorder = ExampleRecorder(batch.texts, trained: trained)
        let adapters = BatchAdapter(adapter, over: batch.texts, recorder: recorder)
        model.run(batch.texts, adapter: adapters, in: &workspace)
        let loss = CrossEntropy.losses(
            of: workspace.head.logits[...],
            labels: batch.labels,
            weight: 1,
            gradient: &logitsGradient
        )
        var sum = [Float](repeating: 0, count: adapter.layout.count)
        model.propagate(logitsGradient, through: batch.texts, adapter: adapters, in: &workspace, adding: &sum)
        let norms = recorder.norms
        recorder.addSum(weights: norms.map(weight), to: &sum)
        return Result(norms: norms, sum: sum, loss: loss)
    }
}
