import FederatedLearning
import Metrics

extension CoordinatorMetrics {
    /// Counts what a run did.
    func observe(_ event: RunEvent) {
        switch event {
        case .opened(_, let cohort):
            cohortSize.record(cohort.count)
        case .committed(_, _, _, let seconds):
            roundsCommitted.increment()
            roundDuration.recordSeconds(seconds)
        case .abandoned:
            roundsAbandoned.increment()
        case .evaluated(_, _, let overall):
            if let accuracy = overall.metrics[MeasurementNames.accuracy] { heldOutAccuracy.record(accuracy) }
            if let loss = overall.metrics[MeasurementNames.loss] { heldOutLoss.record(loss) }
        default:
            break
        }
    }
}
