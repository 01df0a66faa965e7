package import Adapters
import DifferentialPrivacy

/// One client's local training, as a value: all that its result follows from, given the base model and the texts.
package struct LocalTraining: Sendable {
    /// The client's name, which its random numbers depend on.
    package var client: String
    /// What the training starts from.
    package var adapter: LoRAAdapter
    package var task: TrainingTask
    /// The client's training texts, as rows of the engine's corpus.
    ///
    /// Their order counts: a client whose file holds the same texts in the same order computes the same bits.
    package var rows: [Int]
    /// Where samples and noise of a private training come from.
    package var noise: NoiseSource

    package init(
        client: String,
        adapter: LoRAAdapter,
        task: TrainingTask,
        rows: [Int],
        noise: NoiseSource = .secret(NoiseKey())
    ) {
        self.client = client
        self.adapter = adapter
        self.task = task
        self.rows = rows
        self.noise = noise
    }
}
