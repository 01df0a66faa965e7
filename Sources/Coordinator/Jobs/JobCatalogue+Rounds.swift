import Aggregation
import FederatedLearning
import Foundation
import GRDB

extension JobCatalogue {
    /// Returns the points of a job's curves from a round on.
    ///
    /// What is read grows with the clients of the rounds that are asked for, what is returned does not.
    ///
    /// - Throws: ``CoordinatorError/unknownJob(_:)``.
    func points(of id: JobID, from first: Int) async throws -> [RoundPoint] {
        try await database.read { db in
            guard let row = try Row.fetchOne(db, sql: "SELECT * FROM job WHERE id = ?", arguments: [id.rawValue]) else {
                throw CoordinatorError.unknownJob(id)
            }
            let last: Int = row["committed_rounds"]
            guard first <= last else { return [] }
            let range = RoundRange(job: id, first: first, last: last, db: db)
            var points: [Int: RoundPoint] = [:]
            for figure in try range.cohortFigures() {
                points[figure.round, default: RoundPoint(number: figure.round)].take(figure)
            }
            for (round, traffic) in try range.traffic() {
                points[round, default: RoundPoint(number: round)].traffic = traffic
            }
            for (round, loss) in try range.trainingLosses() {
                points[round, default: RoundPoint(number: round)].trainingLoss = loss
            }
            let configuration = try JobRecord(row: row).configuration
            let isOver = try Self.summary(of: id, in: db).phase.isFinal
            let evaluated = row["evaluated_round"] as Int? ?? -1
            return points.values.sorted { $0.number < $1.number }.map { point in
                var point = point
                point.isComplete =
                    isOver || !configuration.evaluates(after: point.number) || point.number <= evaluated
                return point
            }
        }
    }

    /// Returns the round that is going on, if one is.
    func openRound(of id: JobID) async throws -> OpenRoundStanding? {
        try await database.read { db in try Self.openRound(of: id, in: db) }
    }

    static func openRound(of id: JobID, in db: Database) throws -> OpenRoundStanding? {
        let row = try Row.fetchOne(
            db,
            sql: """
                SELECT number, opened_at,
                    (SELECT COUNT(*) FROM cohort_member AS m WHERE m.job = round.job AND m.round = round.number)
                        AS cohort,
                    (SELECT COUNT(*) FROM accepted_update AS u WHERE u.job = round.job AND u.round = round.number)
                        AS accepted
                FROM round WHERE job = ? AND state = 'open'
                """,
            arguments: [id.rawValue]
        )
        return row.map {
            OpenRoundStanding(
                number: $0["number"],
                openedAt: Date(timeIntervalSince1970: $0["opened_at"]),
                cohort: $0["cohort"],
                accepted: $0["accepted"]
            )
        }
    }

    /// Returns the latest jobs, the last one first, each with the round that is going on; and how many jobs there are.
    func latest(_ limit: Int) async throws -> (jobs: [Overview.Job], count: Int) {
        try await database.read { db in
            let summaries = try Row.fetchAll(
                db,
                sql: "\(Self.summaryQuery) ORDER BY sequence DESC LIMIT ?",
                arguments: [limit]
            ).map(JobSummary.init(row:))
            let jobs = try summaries.map { summary in
                Overview.Job(
                    summary: summary,
                    open: summary.phase == .running ? try Self.openRound(of: summary.id, in: db) : nil
                )
            }
            return (jobs, try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM job") ?? 0)
        }
    }

    /// Returns every client that trained or evaluated in a round, by name.
    ///
    /// - Throws: ``CoordinatorError/unknownJob(_:)``.
    func clients(ofRound round: Int, of id: JobID) async throws -> [RoundClient] {
        try await database.read { db in
            _ = try Self.summary(of: id, in: db)
            let figures = try Row.fetchAll(
                db,
                sql: "SELECT * FROM measurement WHERE job = ? AND round = ? AND client <> ''",
                arguments: [id.rawValue, round]
            ).map(Measurement.init(row:))
            let ranks = try Row.fetchAll(
                db,
                sql: """
                    SELECT client, rank FROM accepted_update JOIN adapter ON adapter.id = accepted_update.adapter
                    WHERE job = :job AND round = :round
                    UNION SELECT client, rank FROM asynchronous_update
                    JOIN adapter ON adapter.id = asynchronous_update.adapter WHERE job = :job AND round = :round
                    """,
                arguments: ["job": id.rawValue, "round": round]
            )
            let rankOf = Dictionary(ranks.map { ($0["client"] as String, $0["rank"] as Int) }) { max($0, $1) }
            return Dictionary(grouping: figures) { $0.client?.rawValue ?? "" }
                .sorted { $0.key < $1.key }.map { client, figures in
                    RoundClient(
                        client: client,
                        rank: rankOf[client],
                        figures: Dictionary(figures.map { ("\($0.phase)/\($0.name)", $0.value) }) { $1 }
                    )
                }
        }
    }

    /// Returns everything measured of one client in a job from a round on, by round, phase and name.
    ///
    /// - Throws: ``CoordinatorError/unknownJob(_:)``.
    func measurements(
        of id: JobID,
        client: String,
        from first: Int
    ) async throws -> [FederatedLearning.Measurement] {
        try await database.read { db in
            let last = try Self.summary(of: id, in: db).committedRounds
            guard first <= last else { return [] }
            return try RoundRange(job: id, first: max(0, first), last: last, db: db).figures(of: client)
        }
    }
}

/// Some rounds of one job in the table of measurements.
private struct RoundRange {
    let job: JobID
    let first: Int
    let last: Int
    let db: Database

    private var arguments: StatementArguments { ["job": job.rawValue, "first": first, "last": last] }

    /// What was measured of one client; of the whole cohort, whose name is empty.
    func figures(of client: String) throws -> [Measurement] {
        // A look into the index for each round, in place of reading what all others measured.
        try Row.fetchAll(
            db,
            sql: """
                WITH RECURSIVE number (n) AS (SELECT :first UNION ALL SELECT n + 1 FROM number WHERE n < :last)
                SELECT measurement.* FROM number CROSS JOIN measurement
                    ON job = :job AND round = n AND client = :client
                """,
            arguments: arguments + ["client": client]
        ).map(Measurement.init(row:))
    }

    func cohortFigures() throws -> [Measurement] { try figures(of: "") }

    /// Payload bytes of all clients, by round.
    func traffic() throws -> [(round: Int, traffic: Traffic)] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT round, SUM(value) FILTER (WHERE name = '\(MeasurementNames.bytesUp)') AS up,
                    SUM(value) FILTER (WHERE name = '\(MeasurementNames.bytesDown)') AS down
                FROM measurement WHERE job = :job AND round BETWEEN :first AND :last AND client <> '' GROUP BY round
                """,
            arguments: arguments
        ).map { row in
            func bytes(_ column: String) -> UInt64 { UInt64(exactly: (row[column] as Double? ?? 0).rounded()) ?? 0 }
            return (row["round"], Traffic(up: bytes("up"), down: bytes("down")))
        }
    }

    /// Mean training losses, weighted by examples, by round.
    func trainingLosses() throws -> [(round: Int, loss: Double)] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT loss.round AS round, SUM(loss.value * examples.value) / SUM(examples.value) AS mean
                FROM measurement AS loss CROSS JOIN measurement AS examples
                    ON examples.job = loss.job AND examples.round = loss.round AND examples.client = loss.client
                    AND examples.phase = loss.phase AND examples.name = '\(MeasurementNames.examples)'
                WHERE loss.job = :job AND loss.round BETWEEN :first AND :last AND loss.client <> ''
                    AND loss.phase = '\(MeasurementNames.train)' AND loss.name = '\(MeasurementNames.loss)'
                    AND loss.value IS NOT NULL AND examples.value > 0
                GROUP BY loss.round
                """,
            arguments: arguments
        ).compactMap { row in (row["mean"] as Double?).map { (row["round"], $0) } }
    }
}

extension RoundPoint {
    /// Takes a figure of the whole cohort.
    fileprivate mutating func take(_ figure: Measurement) {
        switch (figure.phase, figure.name) {
        case (MeasurementNames.round, "clients"): clients = Int(exactly: figure.value)
        case (MeasurementNames.round, MeasurementNames.seconds): seconds = figure.value
        case (MeasurementNames.round, MeasurementNames.epsilon): epsilon = figure.value
        case (MeasurementNames.evaluate, MeasurementNames.accuracy): accuracy = figure.value
        case (MeasurementNames.evaluate, MeasurementNames.loss): loss = figure.value
        default: break
        }
    }
}
