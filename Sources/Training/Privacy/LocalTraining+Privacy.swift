package import DifferentialPrivacy
import FederatedLearning

extension LocalTraining {
    /// q: with which probability an example is in a batch of a private training; 0 when there are no examples.
    var samplingRate: Double {
        rows.isEmpty ? 0 : min(1, Double(task.settings.batchSize) / Double(rows.count))
    }

    /// What a private training costs its examples, to be charged before it starts; `nil` for other trainings.
    ///
    /// Each step is a Poisson sample of the rows. A training that ends early has cost less.
    package var noisedSteps: NoisedSteps? {
        guard let privacy = task.privacy, !rows.isEmpty, task.settings.batchSize > 0, task.settings.epochs > 0 else {
            return nil
        }
        return NoisedSteps(
            noiseMultiplier: privacy.noiseMultiplier,
            sampling: .poisson(rate: samplingRate),
            count: BatchSchedule.stepCount(of: rows.count, task.settings)
        )
    }
}
