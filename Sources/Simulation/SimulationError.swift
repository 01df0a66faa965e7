/// Why an experiment cannot be run, or stopped.
package enum SimulationError: Error, Hashable, CustomStringConvertible {
    /// A key of the experiment says something that cannot be done.
    case invalidKey(key: String, problem: String, remedy: String)

    package var description: String {
        switch self {
        case .invalidKey(let key, let problem, let remedy): "`\(key)` \(problem). \(remedy)"
        }
    }
}
