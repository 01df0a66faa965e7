import Aggregation
import FederatedLearning
import GRDB

@testable import Coordinator

// What is on record, read in a moment and beside whoever works on it.

extension CoordinatorStore {
    /// The update that a round, open or over, has of a client.
    func recordedUpdate(of work: Work) throws -> AdapterReference? {
        try read { db in
            try Int64.fetchOne(
                db.cachedStatement(
                    sql: "SELECT adapter FROM accepted_update WHERE job = ? AND round = ? AND client = ?"
                ),
                arguments: [work.order.job.rawValue, work.order.round, work.client]
            ).map { try AdapterReference(identifier: $0, in: db) }
        }
    }

    /// The updates that a round counts.
    func acceptedUpdates(of job: JobID, round: Int) throws -> [UpdateOffer] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: "SELECT * FROM accepted_update WHERE job = ? AND round = ? ORDER BY client",
                arguments: [job.rawValue, round]
            ).map { row in
                UpdateOffer(
                    client: ClientID(row["client"] as String),
                    order: .init(job: job, round: round, kind: .train),
                    adapter: try AdapterReference(identifier: row["adapter"], in: db),
                    exampleCount: row["example_count"],
                    metrics: [:]
                )
            }
        }
    }

    /// The results of a job's rounds, in order.
    func committedRounds(of job: JobID) throws -> [(number: Int, digest: ContentDigest)] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT number, digest FROM round JOIN adapter ON adapter.id = round.global_adapter
                    WHERE job = ? AND state = 'committed' ORDER BY number
                    """,
                arguments: [job.rawValue]
            ).compactMap { row in
                ContentDigest(hexadecimal: row["digest"]).map { (row["number"], $0) }
            }
        }
    }

    /// The rounds for which something was charged.
    func chargedRounds(of job: JobID) throws -> Set<Int> {
        try read { db in
            try Set(Int.fetchAll(db, sql: "SELECT round FROM privacy_charge WHERE job = ?", arguments: [job.rawValue]))
        }
    }

    /// How a job stands; `nil` when it was never handed in.
    func phase(of job: JobID) throws -> RunState.Phase? {
        try read { db in
            try Row.fetchOne(db, sql: "SELECT * FROM job WHERE id = ?", arguments: [job.rawValue])
                .map(RunState.Phase.init(row:))
        }
    }

    private func read<Value>(_ body: (Database) throws -> Value) throws -> Value {
        try runs.database.readNow(body)
    }
}
