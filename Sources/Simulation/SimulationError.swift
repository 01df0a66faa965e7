/// Why an experiment cannot be run, or stopped.
package enum SimulationError: Error, Hashable {
    /// A key of the experiment says something that cannot be done.
    case invalidKey(key: String, problem: String, remedy: String)
    /// A folder does not hold what a run leaves.
    case unreadableRun(path: String, problem: String)
    /// A data file is nowhere.
    case dataNotFound(name: String, tried: [String])
    /// A saved state, or a table that belongs to it, is not what was written.
    case damagedCheckpoint(path: String, reason: String)
    /// The output folder holds something that must not be written over.
    case folderInUse(path: String, reason: String)
    case cannotWrite(path: String, reason: String)
    /// Somebody stopped the run; what it had done up to the end of a round is saved.
    case interrupted(path: String, round: Int?)
    /// The rounds came to no end.
    case runFailed(reason: String)
}

extension SimulationError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unreadableRun(let path, let problem):
            "'\(path)' cannot be read: \(problem). Give the folder that `fed-sim run` wrote, after it has ended."
        case .invalidKey(let key, let problem, let remedy): "`\(key)` \(problem). \(remedy)"
        case .dataNotFound(let name, let tried):
            """
            There is no data file '\(name)': \(tried.map { "'\($0)'" }.joined(separator: " and ")) \
            \(tried.count == 1 ? "does" : "do") not exist. Correct `data`, or fetch the file with `make data`.
            """
        case .damagedCheckpoint(let path, let reason):
            "'\(path)' cannot be gone on from: \(reason). Remove the folder to start over."
        case .folderInUse(let path, let reason):
            "'\(path)' \(reason). Give another folder with --out, or remove it."
        case .cannotWrite(let path, let reason):
            "'\(path)' cannot be written: \(reason). Check the disk and its permissions."
        case .interrupted(let path, let round?):
            """
            The run in '\(path)' was interrupted, and its state after round \(round) is saved. Give the same command again to \
            go on from there.
            """
        case .interrupted(let path, nil):
            "The run in '\(path)' was interrupted before a state was saved. Give the same command again to start it over."
        case .runFailed(let reason): "The run has failed: \(reason)"
        }
    }
}
