package import FederatedLearning

/// What a client says to the server about its work.
package enum TaskMessage: Hashable, Sendable {
    /// The order is taken.
    case accept(WorkOrder.ID)
    /// The order will not be done; the reason is a sentence that may leave the silo.
    case refuse(WorkOrder.ID, reason: String)
    /// The silo's policy says no, for a reason that may leave it.
    case object(WorkOrder.ID, reason: String)
    case progress(WorkOrder.ID, TrainingProgress)
    case offer(UnjudgedUpdate)
    case report(WorkOrder.ID, EvaluationReport)
}
