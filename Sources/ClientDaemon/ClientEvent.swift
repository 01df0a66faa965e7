package import FederatedLearning
package import Foundation

/// Something that a data steward, a status file or a test may want to know of a running client.
package enum ClientEvent: Sendable {
    /// So many finished updates of an earlier process wait for their verdict.
    case loaded(updates: Int)
    /// An attempt to connect begins.
    case connecting
    /// The server let the client in under this name.
    case welcomed(name: String)
    /// There is no connection, or no longer one; the next attempt follows after `retry`.
    case disconnected(kind: String, problem: String, retry: Duration)
    case received(WorkOrder)
    case refused(WorkOrder.ID, reason: String)
    case started(WorkOrder)
    case progressed(WorkOrder.ID, TrainingProgress)
    case finished(UnjudgedUpdate)
    case evaluated(WorkOrder, EvaluationReport)
    /// The work ended with an error, which may name local files.
    case failed(WorkOrder, problem: String)
    /// The work ended because it was told to.
    case halted(WorkOrder.ID)
    case withdrawn(WorkOrder.ID, reason: String)
    case judged(WorkOrder.ID, UpdateVerdict)
    /// The certificate was renewed, and is good until then.
    case renewed(until: Date)
    /// Something that the client could do without went wrong.
    case hindered(problem: String)
    case stopped
}
