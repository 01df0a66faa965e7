/// Why an experiment cannot be run, or stopped.
package enum SimulationError: Error, Hashable, CustomStringConvertible {
    /// A key of the experiment says something that cannot be done.
    case invalidKey(key: String, problem: String, remedy: String)
    /// A folder does not hold what a run leaves.
    case unreadableRun(path: String, problem: String)

    package var description: String {
        switch self {
        case .unreadableRun(let path, let problem):
            "'\(path)' cannot be read: \(problem). Give the folder that `fed-sim run` wrote, after it has ended."
        case .invalidKey(let key, let problem, let remedy): "`\(key)` \(problem). \(remedy)"
        }
    }
}
