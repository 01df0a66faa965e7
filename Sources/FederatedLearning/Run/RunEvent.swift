package import Aggregation

/// Something that a run did, for those who watch it.
///
/// Nothing depends on events being seen.
package enum RunEvent: Hashable, Sendable {
    case began(initial: AdapterReference)
    /// More clients are needed before the run can go on.
    case waiting(round: Int, present: Int, needed: Int)
    case opened(round: Int, cohort: [CohortMember])
    /// In asynchronous rounds: a client was handed the current version.
    case assigned(AsynchronousTask, to: ClientID)
    case progressed(WorkOrder.ID, ClientID, TrainingProgress)
    case accepted(round: Int, UpdateOffer)
    case rejected(round: Int, ClientID, reason: String)
    /// A client will not, or could not, do what was ordered.
    case failed(WorkOrder.ID, ClientID, reason: String)
    /// An accepted update could not be counted after all.
    case excluded(round: Int, ClientID, reason: String)
    case committed(round: Int, global: AdapterReference, clients: [ClientID], seconds: Double)
    case abandoned(round: Int, reason: String)
    case reported(WorkOrder.ID, ClientID, EvaluationReport)
    /// An evaluation is over: each client's report, and the figures of all examples together.
    case evaluated(round: Int, reports: [ClientID: EvaluationReport], overall: EvaluationReport)
    case ended(RunState.Phase)
}
