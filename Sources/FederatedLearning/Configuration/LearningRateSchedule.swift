/// How the learning rate changes over a job.
///
/// A schedule runs over all rounds, not over each one anew: clients that begin every round at the largest rate would undo
/// what the last rounds settled.
package enum LearningRateSchedule: String, Sendable, Codable, CaseIterable {
    case constant
    /// Falls on a line to 0.
    case linear
    /// Falls on half a cosine to 0.
    case cosine
}
