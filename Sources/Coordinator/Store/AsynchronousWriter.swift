import Aggregation
import FederatedLearning
import GRDB

/// Writes the steps of asynchronous rounds, as a part of ``RunChangeWriter`` and within its transaction.
struct AsynchronousWriter {
    private let job: JobID
    private let moment: Double
    private let db: Database

    init(job: JobID, at moment: Double, db: Database) {
        self.job = job
        self.moment = moment
        self.db = db
    }

    /// The number of the latest task; `nil` before the first.
    func latestNumber() throws -> Int? {
        try Int.fetchOne(
            db.cachedStatement(sql: "SELECT MAX(number) FROM asynchronous_task WHERE job = ?"),
            arguments: [job.rawValue]
        )
    }

    func hasBufferedUpdates() throws -> Bool {
        try Bool.fetchOne(
            db.cachedStatement(
                sql: "SELECT EXISTS (SELECT 1 FROM asynchronous_update WHERE job = ? AND state = 'buffered')"
            ),
            arguments: [job.rawValue]
        ) ?? false
    }

    /// Gives a client the next task; a task of another number changes nothing.
    func assign(_ task: AsynchronousTask, to client: ClientID) throws {
        guard try task.number == (latestNumber() ?? 0) + 1 else { return }
        try execute(
            """
            INSERT INTO asynchronous_task (job, client, number, version, adapter) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (job, client) DO UPDATE
            SET number = excluded.number, version = excluded.version, adapter = excluded.adapter
            """,
            [job.rawValue, client.rawValue, task.number, task.version, task.adapter.identifier(in: db)]
        )
    }

    /// Takes an update into the buffer, with what it was trained from.
    ///
    /// - Returns: Whether it was taken.
    func accept(_ offer: UpdateOffer) throws -> Bool {
        // Takes nothing but what answers the client's task, and a second update of the same task changes nothing.
        try execute(
            """
            INSERT INTO asynchronous_update
                (job, client, number, version, handed, adapter, example_count, metrics, accepted_at)
            SELECT job, client, number, version, adapter, ?, ?, ?, ? FROM asynchronous_task
            WHERE job = ? AND client = ? AND number = ?
            ON CONFLICT DO NOTHING
            """,
            [
                offer.adapter.identifier(in: db), offer.exampleCount, StoredMetrics(offer.metrics).json, moment,
                job.rawValue, offer.client.rawValue, offer.order.round,
            ]
        )
        return db.changesCount > 0
    }

    /// Makes what is buffered a part of a round that is about to be committed.
    func closeBuffer(into round: Int) throws {
        guard try beginRound(round) else { return }
        try execute(
            "UPDATE asynchronous_update SET state = 'combined', round = ? WHERE job = ? AND state = 'buffered'",
            [round, job.rawValue]
        )
    }

    /// Throws away what is buffered for a round that is about to be abandoned.
    func dropBuffer(of round: Int) throws {
        guard try beginRound(round) else { return }
        try execute(
            "UPDATE asynchronous_update SET state = 'dropped' WHERE job = ? AND state = 'buffered'",
            [job.rawValue]
        )
    }

    /// Makes the row of the round that buffered updates are for, open since the first of them came.
    ///
    /// - Returns: Whether there are any.
    private func beginRound(_ round: Int) throws -> Bool {
        guard try hasBufferedUpdates() else { return false }
        try execute(
            """
            INSERT INTO round (job, number, state, opened_at)
            SELECT job, ?, 'open', MIN(accepted_at) FROM asynchronous_update WHERE job = ? AND state = 'buffered'
            GROUP BY job
            ON CONFLICT DO UPDATE
            SET state = 'open', opened_at = excluded.opened_at, closed_at = NULL, reason = NULL
            """,
            [round, job.rawValue]
        )
        return true
    }

    private func execute(_ sql: String, _ arguments: StatementArguments) throws {
        try db.cachedStatement(sql: sql).execute(arguments: arguments)
    }
}
