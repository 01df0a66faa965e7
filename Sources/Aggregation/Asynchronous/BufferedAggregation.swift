/// The arithmetic of buffered asynchronous rounds: FedBuff.
///
/// Nguyen et al., "Federated learning with buffered asynchronous aggregation", AISTATS 2022, arXiv:2106.06639. A client
/// takes version v⁰ of the global adapter, trains, and sends what changed, Dᵢ. When K changes have come in,
///
///     x ← x + η·(1/K)·Σ s(τᵢ)·Dᵢ,   τᵢ = version now − v⁰ᵢ
///
/// and the version goes up by one. The paper divides by K, so a buffer of stale changes takes a smaller step; divided by
/// Σ s(τᵢ) it takes a whole one.
package struct BufferedAggregation: Sendable, Hashable, Codable {
    /// By what the sum of the weighted changes is divided.
    package enum Normalization: String, Sendable, Hashable, Codable, CaseIterable {
        /// K, as in the paper.
        case count
        /// Σ s(τᵢ).
        case weights
    }

    /// K, the number of changes in a step: 10 in the paper.
    package var bufferSize: Int
    /// s.
    package var staleness: StalenessWeight
    /// τ up to which changes are taken; `nil` for any.
    package var maximumStaleness: Int?
    package var normalization: Normalization
    /// η, above 0.
    package var learningRate: Double

    /// Creates the arithmetic with the paper's values.
    package init(
        bufferSize: Int = 10,
        staleness: StalenessWeight = .inverseSquareRoot,
        maximumStaleness: Int? = nil,
        normalization: Normalization = .count,
        learningRate: Double = 1
    ) {
        precondition(bufferSize > 0, "a buffer of \(bufferSize) changes is never full")
        precondition(maximumStaleness.map { $0 >= 0 } ?? true, "no change is that fresh")
        precondition(learningRate > 0 && learningRate.isFinite, "a learning rate of \(learningRate)")
        self.bufferSize = bufferSize
        self.staleness = staleness
        self.maximumStaleness = maximumStaleness
        self.normalization = normalization
        self.learningRate = learningRate
    }

    /// Returns s(τᵢ) of a full buffer.
    package func weights(stalenesses: [Int]) -> [Double] {
        stalenesses.map(staleness.weight)
    }

    /// Returns the coefficients η·s(τᵢ)/K, or η·s(τᵢ)/Σs, by which changes are multiplied before they are added to x.
    ///
    /// - Parameter stalenesses: τᵢ, at least one.
    /// - Returns: One coefficient a change.
    package func coefficients(stalenesses: [Int]) -> [Double] {
        let weights = weights(stalenesses: stalenesses)
        let divisor = divisor(ofWeights: weights)
        return weights.map { learningRate * $0 / divisor }
    }

    /// K or Σ s(τᵢ), for the changes that have these weights.
    func divisor(ofWeights weights: [Double]) -> Double {
        precondition(!weights.isEmpty, "there is no change to take a step by")
        return switch normalization {
        case .count: Double(weights.count)
        case .weights: weights.reduce(0, +)
        }
    }
}
