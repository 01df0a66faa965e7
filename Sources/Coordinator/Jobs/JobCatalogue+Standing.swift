import FederatedLearning
import Foundation
import GRDB

extension JobCatalogue {
    /// How many jobs are in which phase, and how far the one is that runs.
    struct Standing {
        var phases: [JobSummary.Phase: Int] = [:]
        var running: (committed: Int, rounds: Int, epsilon: Double?)?
    }

    func standing() async throws -> Standing {
        try await database.read { db in
            var standing = Standing()
            let counts = try Row.fetchAll(
                db,
                sql: "SELECT phase, is_exhausted, COUNT(*) AS jobs FROM job GROUP BY phase, is_exhausted"
            )
            for row in counts {
                let phase = row["is_exhausted"] ? .budgetExhausted : JobSummary.Phase(rawValue: row["phase"])
                if let phase { standing.phases[phase, default: 0] += row["jobs"] }
            }
            let running = try Row.fetchOne(
                db,
                sql: """
                    SELECT id, committed_rounds, configuration ->> '$.rounds' AS rounds, (
                        SELECT value FROM measurement WHERE job = id AND round = committed_rounds AND client = ''
                            AND phase = '\(MeasurementNames.round)' AND name = '\(MeasurementNames.epsilon)'
                    ) AS epsilon
                    FROM job WHERE phase = 'running' LIMIT 1
                    """
            )
            if let running {
                standing.running = (running["committed_rounds"], running["rounds"] ?? 0, running["epsilon"])
            }
            return standing
        }
    }
}
