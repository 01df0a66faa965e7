import LinearAlgebra
import Synchronization

/// How the layers of one round were truncated, for the log: layers are done by several threads.
final class TruncationLog: Sendable {
    private let reports = Mutex<[String: TruncationReport]>([:])

    func append(_ report: TruncationReport, of path: String) {
        reports.withLock { $0[path] = report }
    }

    /// How many layers took which route, and the largest residual of any; `nil` where nothing was truncated.
    var summary: String? {
        let reports = reports.withLock { $0 }
        guard let worst = reports.values.map(\.residual).max() else { return nil }
        let counts = Dictionary(grouping: reports.values, by: \.route.rawValue).mapValues(\.count)
        let routes = counts.sorted { $0.key < $1.key }.map { "\($0.key) ×\($0.value)" }.joined(separator: ", ")
        return "\(routes); largest residual \(worst)"
    }
}
