package import FederatedLearning
package import Foundation
import GRDB

/// The jobs of one server: submitted in order, listed, and read back with everything that was measured.
package struct JobCatalogue: Sendable {
    let database: CoordinatorDatabase

    package init(database: CoordinatorDatabase) {
        self.database = database
    }

    /// Keeps a job; durable when it returns.
    ///
    /// - Parameters:
    ///   - submission: The job as it was handed in.
    ///   - configuration: What `submission.yaml` was read as.
    ///   - id: Its name, if it is new.
    ///   - now: When it was handed in.
    /// - Returns: The job's name: that of an earlier attempt with the same token, or `id`.
    /// - Throws: ``CoordinatorError/tokenReused(_:)`` when the token belongs to a job with another file or model.
    package func submit(
        _ submission: JobSubmission,
        configuration: JobConfiguration,
        id: JobID,
        now: Date
    ) async throws -> JobID {
        let json = String(decoding: try JSONEncoder().encode(configuration), as: UTF8.self)
        return try await database.write { db in
            if let token = submission.token, let earlier = try Self.submission(token: token, in: db) {
                guard earlier.submission == submission else { throw CoordinatorError.tokenReused(earlier.id) }
                return earlier.id
            }
            try db.execute(
                sql: """
                    INSERT INTO job (id, submit_token, yaml, configuration, model_path, model_digest, submitted_at)
                    VALUES (?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    id.rawValue, submission.token, submission.yaml, json, submission.modelPath,
                    submission.modelDigest.hexadecimal, now.timeIntervalSince1970,
                ]
            )
            try AuditLog.append(.jobSubmitted, id.rawValue, configuration.name, at: now, in: db)
            return id
        }
    }

    /// Returns a job with its configuration.
    ///
    /// - Throws: ``CoordinatorError/unknownJob(_:)``.
    package func job(_ id: JobID) async throws -> JobRecord {
        try await database.read { db in
            guard let row = try Row.fetchOne(db, sql: "SELECT * FROM job WHERE id = ?", arguments: [id.rawValue]) else {
                throw CoordinatorError.unknownJob(id)
            }
            return try JobRecord(row: row)
        }
    }

    /// Returns the job to work on: the one that is running, else the first that waits.
    package func nextJob() async throws -> JobRecord? {
        try await database.read { db in
            try Row.fetchOne(
                db,
                sql: """
                    SELECT * FROM job WHERE phase IN ('running', 'pending')
                    ORDER BY phase = 'pending', sequence LIMIT 1
                    """
            ).map(JobRecord.init(row:))
        }
    }

    /// Records that a job is not to go on.
    ///
    /// - Throws: ``CoordinatorError/unknownJob(_:)``, ``CoordinatorError/jobIsOver(_:)``.
    package func cancel(_ id: JobID, now: Date) async throws {
        try await database.write { db in
            guard try !Self.summary(of: id, in: db).phase.isFinal else { throw CoordinatorError.jobIsOver(id) }
            try RunChangeWriter(job: id, at: now, db: db).write(.cancelled)
            try AuditLog.append(.jobCancelled, id.rawValue, at: now, in: db)
        }
    }

    /// Returns every job, the latest last.
    package func summaries() async throws -> [JobSummary] {
        try await database.read { db in
            try Row.fetchAll(db, sql: "\(Self.summaryQuery) ORDER BY sequence").map(JobSummary.init(row:))
        }
    }

    /// Returns one job's line of the listing.
    ///
    /// - Throws: ``CoordinatorError/unknownJob(_:)``.
    package func summary(of id: JobID) async throws -> JobSummary {
        try await database.read { db in try Self.summary(of: id, in: db) }
    }

    /// Returns where a job stands with its privacy budget; `nil` when it adds no noise.
    ///
    /// - Throws: ``CoordinatorError/unknownJob(_:)``.
    package func privacyStanding(of id: JobID) async throws -> PrivacyStanding? {
        let (job, state) = try await database.read { db in
            guard let row = try Row.fetchOne(db, sql: "SELECT * FROM job WHERE id = ?", arguments: [id.rawValue]) else {
                throw CoordinatorError.unknownJob(id)
            }
            return (try JobRecord(row: row), try RunState(of: id, in: db))
        }
        return try PrivacyStanding(of: job.configuration, state: state)
    }

    /// Returns everything measured in a job, by round, client, phase and name.
    ///
    /// - Throws: ``CoordinatorError/unknownJob(_:)``.
    package func measurements(of id: JobID) async throws -> [FederatedLearning.Measurement] {
        try await database.read { db in
            _ = try Self.summary(of: id, in: db)
            return try Self.measurements(of: id, in: db)
        }
    }

    /// Returns a job with a report of each of its rounds.
    ///
    /// - Throws: ``CoordinatorError/unknownJob(_:)``.
    package func report(of id: JobID) async throws -> JobReport {
        try await database.read { db in
            let row = try Row.fetchOne(db, sql: "SELECT * FROM job WHERE id = ?", arguments: [id.rawValue])
            guard let row else { throw CoordinatorError.unknownJob(id) }
            let takers = try Row.fetchAll(
                db,
                sql: """
                    SELECT round, client FROM accepted_update WHERE job = :job
                    UNION SELECT round, client FROM asynchronous_update WHERE job = :job AND state = 'combined'
                    ORDER BY round, client
                    """,
                arguments: ["job": id.rawValue]
            )
            return JobReport(
                summary: try Self.summary(of: id, in: db),
                configuration: try JobRecord(row: row).configuration,
                evaluatedRound: row["evaluated_round"],
                clients: Dictionary(grouping: takers) { $0["round"] as Int }.mapValues { $0.map { $0["client"] } },
                measurements: try Self.measurements(of: id, in: db)
            )
        }
    }

    // MARK: - Rows

    static let summaryQuery = """
        SELECT job.*, (
            SELECT reason FROM round WHERE round.job = job.id AND round.state = 'abandoned' ORDER BY number DESC LIMIT 1
        ) AS abandoned_for FROM job
        """

    static func summary(of id: JobID, in db: Database) throws -> JobSummary {
        guard let row = try Row.fetchOne(db, sql: "\(summaryQuery) WHERE id = ?", arguments: [id.rawValue]) else {
            throw CoordinatorError.unknownJob(id)
        }
        return try JobSummary(row: row)
    }

    private static func submission(token: String, in db: Database) throws -> JobRecord? {
        try Row.fetchOne(db, sql: "SELECT * FROM job WHERE submit_token = ?", arguments: [token])
            .map(JobRecord.init(row:))
    }

    private static func measurements(of id: JobID, in db: Database) throws -> [Measurement] {
        try Row.fetchAll(
            db,
            sql: "SELECT * FROM measurement WHERE job = ? ORDER BY round, client, phase, name",
            arguments: [id.rawValue]
        ).map(Measurement.init(row:))
    }
}
