import DifferentialPrivacy
import LinearAlgebra

/// Which rows each step of a private training sees: every row independently, with the same probability.
struct PoissonBatches: Sendable {
    private let rows: [Int]
    private let sampling: PoissonSampling
    /// How many steps there are in all.
    let stepCount: Int
    private var generator: any RandomNumberGenerator & Sendable
    private var step = 0

    /// Prepares the batches of a training.
    ///
    /// - Parameters:
    ///   - training: Whose rows are sampled.
    ///   - stepCount: How many steps there are.
    /// - Throws: `PrivacyError` when the training has neither rows nor a batch size.
    init(_ training: LocalTraining, stepCount: Int) throws(PrivacyError) {
        rows = training.rows
        sampling = try PoissonSampling(rate: training.samplingRate)
        self.stepCount = stepCount
        generator =
            switch training.noise {
            case .secret(let key): SecureGenerator(key: key.derived(for: "batches"))
            case .simulation: training.task.generator(RandomStream.privateBatches, client: training.client)
            }
    }

    /// Returns the rows of the next step, which may be none; `nil` after the last step.
    mutating func next() -> [Int]? {
        guard step < stepCount else { return nil }
        step += 1
        return sampling.chosen(among: rows.count, using: &generator).map { rows[$0] }
    }
}
