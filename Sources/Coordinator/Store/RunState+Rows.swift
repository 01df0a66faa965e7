import Aggregation
import FederatedLearning
import GRDB

extension RunState {
    /// Reads where a run stands.
    ///
    /// - Throws: ``CoordinatorError/unknownJob(_:)``; ``CoordinatorError/corruptRecord(table:key:)`` when rows contradict
    ///   each other.
    init(of job: JobID, in db: Database) throws {
        guard let row = try Row.fetchOne(db, sql: "SELECT * FROM job WHERE id = ?", arguments: [job.rawValue]) else {
            throw CoordinatorError.unknownJob(job)
        }
        let committedRounds: Int = row["committed_rounds"]
        let global = try (row["global_adapter"] as Int64?).map { try AdapterReference(identifier: $0, in: db) }
        let openRound = try Int.fetchOne(
            db,
            sql: "SELECT number FROM round WHERE job = ? AND state = 'open'",
            arguments: [job.rawValue]
        )
        let charges = PrivacyChargeTable(job: job, db: db)
        try self.init(
            phase: Phase(row: row),
            global: global,
            moments: Self.moments(of: job, round: committedRounds, in: db),
            committedRounds: committedRounds,
            openRound: openRound.map { number in
                try OpenRound(
                    number: number,
                    cohort: Self.cohort(of: job, round: number, in: db),
                    accepted: Self.accepted(job, round: number, in: db),
                    charge: charges.charge(ofRound: number)
                )
            },
            abandonedAttempts: row["abandoned_attempts"],
            evaluatedRound: row["evaluated_round"],
            countedUpdates: Self.accepted(job, round: committedRounds, in: db).mapValues(\.adapter.digest),
            asynchronous: AsynchronousProgress(of: job, in: db),
            ledger: charges.ledger(),
            clippingNorm: Self.clippingNorm(of: job, round: committedRounds, in: db),
            siloStandings: Self.siloStandings(of: job, in: db),
            noiseKey: charges.sharedKey()
        )
    }

    private static func moments(of job: JobID, round: Int, in db: Database) throws -> MomentReferences? {
        let row = try Row.fetchOne(
            db,
            sql: "SELECT first_moment, second_moment FROM round WHERE job = ? AND number = ?",
            arguments: [job.rawValue, round]
        )
        guard let row, let first = row["first_moment"] as Int64? else { return nil }
        let second = row["second_moment"] as Int64?
        return MomentReferences(
            first: try AdapterReference(identifier: first, in: db),
            second: try second.map { try AdapterReference(identifier: $0, in: db) }
        )
    }

    /// What the latest update of each client says of its ledger.
    private static func siloStandings(of job: JobID, in db: Database) throws -> [ClientID: SiloStanding] {
        let rows = try Row.fetchAll(db, sql: "SELECT * FROM silo_standing WHERE job = ?", arguments: [job.rawValue])
        return rows.reduce(into: [:]) { standings, row in
            standings[ClientID(row["client"])] = SiloStanding(epsilon: row["epsilon"], next: row["epsilon_next"])
        }
    }

    private static func clippingNorm(of job: JobID, round: Int, in db: Database) throws -> Double? {
        try Row.fetchOne(
            db,
            sql: "SELECT clipping_norm FROM round WHERE job = ? AND number = ?",
            arguments: [job.rawValue, round]
        )?["clipping_norm"]
    }

    private static func cohort(of job: JobID, round: Int, in db: Database) throws -> [CohortMember] {
        try Row.fetchAll(
            db,
            sql: "SELECT client, adapter FROM cohort_member WHERE job = ? AND round = ? ORDER BY position",
            arguments: [job.rawValue, round]
        ).map { row in
            CohortMember(
                client: ClientID(row["client"]),
                adapter: try AdapterReference(identifier: row["adapter"], in: db)
            )
        }
    }

    private static func accepted(_ job: JobID, round: Int, in db: Database) throws -> [ClientID: UpdateOffer] {
        let rows = try Row.fetchAll(
            db,
            sql: "SELECT * FROM accepted_update WHERE job = ? AND round = ?",
            arguments: [job.rawValue, round]
        )
        var offers: [ClientID: UpdateOffer] = [:]
        for row in rows {
            let client = ClientID(row["client"])
            offers[client] = UpdateOffer(
                client: client,
                order: WorkOrder.ID(job: job, round: round, kind: .train),
                adapter: try AdapterReference(identifier: row["adapter"], in: db),
                exampleCount: row["example_count"],
                metrics: try StoredMetrics(json: row["metrics"]).values
            )
        }
        return offers
    }
}

extension RunState.Phase {
    /// Reads the phase from a row of `job`.
    init(row: Row) throws {
        let phase: String = row["phase"]
        switch phase {
        case "pending": self = .pending
        case "running": self = .running
        case "finished": self = .finished
        case "failed":
            let reason: String = row["failure"] ?? ""
            self = row["is_exhausted"] ? .exhausted(reason: reason) : .failed(reason: reason)
        case "cancelled": self = .cancelled
        default: throw CoordinatorError.corruptRecord(table: "job", key: row["id"])
        }
    }
}
