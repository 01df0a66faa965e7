import Aggregation
import FederatedLearning
import GRDB

extension AsynchronousProgress {
    /// Reads where the asynchronous rounds of a job stand.
    ///
    /// - Throws: ``CoordinatorError/corruptRecord(table:key:)`` when rows contradict each other.
    init(of job: JobID, in db: Database) throws {
        let tasks = try Row.fetchAll(
            db,
            sql: "SELECT client, number, version, adapter FROM asynchronous_task WHERE job = ?",
            arguments: [job.rawValue]
        )
        // SQLite takes the other columns from the row that has the maximum.
        let deliveries = try Row.fetchAll(
            db,
            sql: """
                SELECT client, MAX(number) AS number, digest FROM asynchronous_update
                JOIN adapter ON adapter.id = asynchronous_update.adapter
                WHERE job = ? GROUP BY client
                """,
            arguments: [job.rawValue]
        )
        let buffered = try Row.fetchAll(
            db,
            sql: "SELECT * FROM asynchronous_update WHERE job = ? AND state = 'buffered' ORDER BY sequence",
            arguments: [job.rawValue]
        )
        try self.init(
            tasks: Dictionary(uniqueKeysWithValues: tasks.map { try (ClientID($0["client"]), .init(row: $0, in: db)) }),
            deliveries: Dictionary(
                uniqueKeysWithValues: deliveries.map { row in
                    guard let digest = ContentDigest(hexadecimal: row["digest"]) else {
                        throw CoordinatorError.corruptRecord(table: "adapter", key: row["digest"])
                    }
                    return (ClientID(row["client"]), Delivery(number: row["number"], digest: digest))
                }
            ),
            buffer: buffered.map { row in try BufferedUpdate(row: row, of: job, in: db) }
        )
    }
}

extension AsynchronousTask {
    /// Reads a task whose adapter is in the column `adapter`.
    fileprivate init(row: Row, adapterColumn: String = "adapter", in db: Database) throws {
        self.init(
            number: row["number"],
            version: row["version"],
            adapter: try AdapterReference(identifier: row[adapterColumn], in: db)
        )
    }
}

extension BufferedUpdate {
    /// Reads a row of `asynchronous_update`.
    fileprivate init(row: Row, of job: JobID, in db: Database) throws {
        let task = try AsynchronousTask(row: row, adapterColumn: "handed", in: db)
        self.init(
            offer: UpdateOffer(
                client: ClientID(row["client"]),
                order: WorkOrder.ID(job: job, round: task.number, kind: .train),
                adapter: try AdapterReference(identifier: row["adapter"], in: db),
                exampleCount: row["example_count"],
                metrics: try StoredMetrics(json: row["metrics"]).values
            ),
            task: task
        )
    }
}
