/// Where a local training stands between two steps: beside the training itself, all that its further steps follow from.
package struct TrainingCheckpoint: Sendable, Equatable {
    /// How many steps have been taken, at least 1.
    package let step: Int
    /// What is trained, one number after the other.
    package let values: [Float]
    /// What the optimizer carries from step to step.
    package let moments: OptimizerMoments
    /// What the steps so far amount to, for the metrics.
    package let totals: Totals

    /// What the steps of a training amount to.
    package struct Totals: Sendable, Equatable {
        package var tokenCount = 0
        /// The sum of all steps' losses.
        package var lossSum = 0.0
        package var latestLoss = 0.0
        /// How long they took.
        package var seconds = 0.0

        package init(tokenCount: Int = 0, lossSum: Double = 0, latestLoss: Double = 0, seconds: Double = 0) {
            self.tokenCount = tokenCount
            self.lossSum = lossSum
            self.latestLoss = latestLoss
            self.seconds = seconds
        }
    }

    package init(step: Int, values: [Float], moments: OptimizerMoments, totals: Totals) {
        self.step = step
        self.values = values
        self.moments = moments
        self.totals = totals
    }
}
