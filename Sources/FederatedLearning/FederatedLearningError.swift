/// Why a run or a client's work cannot go on, apart from failing storage.
package enum FederatedLearningError: Error, Hashable {
    /// The weights of the base model cannot be read.
    case baseModel(path: String, reason: String)
    /// No folder holds the base model that the job names.
    case modelNotFound(model: String, tried: [String])
    /// The job does not fit its base model.
    case unsuitableJob(key: String, problem: String)
    /// The adapter that the job starts from is another one than when the job was submitted.
    case startChanged(path: String)
    /// The backend shut down while the run was going on.
    case backendEnded
    /// A training returned something that must not be sent.
    case unusableOutcome(reason: String)
}

extension FederatedLearningError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .baseModel(let path, let reason):
            """
            The base model's weights '\(path)' cannot be read (\(reason)). Give a Hugging Face directory with a \
            `model.safetensors`.
            """
        case .modelNotFound(let model, let tried):
            """
            There is no base model '\(model)' (looked for a `model.safetensors` in \(tried.joined(separator: ", "))). \
            Give `model` the path of a Hugging Face directory, or put one there.
            """
        case .unsuitableJob(let key, let problem):
            "The job's `\(key)` does not fit its base model: \(problem)"
        case .startChanged(let path):
            "The configuration of '\(path)' has changed since the job was submitted. Put it back, or submit the job again."
        case .backendEnded:
            "The connections to the clients were shut down while the job was running. It goes on at the next start."
        case .unusableOutcome(let reason):
            "The training left something that cannot be sent: \(reason)"
        }
    }
}
