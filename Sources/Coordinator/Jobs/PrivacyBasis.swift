import FederatedLearning
import GRDB

/// What a job's standing with its privacy budget follows from: where it is the same, so is the standing.
struct PrivacyBasis: Hashable, Sendable {
    let committedRounds: Int
    /// Of the server's latest charge, 0 before the first.
    let latestCharge: Int
    /// The sum of what silos say of their own ledgers, which only grow.
    let statedEpsilon: Double
}

extension JobCatalogue {
    /// Returns what a job's standing follows from at the moment.
    ///
    /// - Throws: ``CoordinatorError/unknownJob(_:)``.
    func privacyBasis(of id: JobID) async throws -> PrivacyBasis {
        try await database.read { db in
            let row = try Row.fetchOne(
                db,
                sql: """
                    SELECT committed_rounds,
                        (SELECT COALESCE(MAX(sequence), 0) FROM privacy_charge WHERE job = ?1) AS latest_charge,
                        (SELECT COALESCE(SUM(epsilon), 0.0) FROM silo_standing WHERE job = ?1) AS stated_epsilon
                    FROM job WHERE id = ?1
                    """,
                arguments: [id.rawValue]
            )
            guard let row else { throw CoordinatorError.unknownJob(id) }
            return PrivacyBasis(
                committedRounds: row["committed_rounds"],
                latestCharge: row["latest_charge"],
                statedEpsilon: row["stated_epsilon"]
            )
        }
    }
}
