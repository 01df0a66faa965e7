import Aggregation
import FederatedLearning
import Foundation
import GRDB

/// Writes the steps of one run within one transaction.
///
/// The guards are those of ``RunState/apply(_:)``, asked of the tables: a step that was taken already, or does not follow
/// from where the run stands, changes no row. They are not that function itself, because reading a whole round back for
/// each of its updates would cost the square of the cohort.
struct RunChangeWriter {
    private let job: JobID
    private let moment: Double
    private let db: Database

    init(job: JobID, at moment: Date, db: Database) {
        self.job = job
        self.moment = moment.timeIntervalSince1970
        self.db = db
    }

    func write(_ change: RunChange) throws {
        let run = try Row.fetchOne(
            db.cachedStatement(sql: "SELECT phase, committed_rounds FROM job WHERE id = ?"),
            arguments: [job.rawValue]
        )
        guard let run else { throw CoordinatorError.unknownJob(job) }
        let phase: String = run["phase"]
        guard ["pending", "running"].contains(phase) else { return }
        let isRunning = phase == "running"
        let committed: Int = run["committed_rounds"]
        switch change {
        case .began(let initial):
            guard !isRunning else { return }
            try execute(
                "UPDATE job SET phase = 'running', started_at = ?, global_adapter = ? WHERE id = ?",
                [moment, initial.identifier(in: db), job.rawValue]
            )
        case .opened(let round, let cohort):
            guard isRunning, round == committed + 1, try openRound() == nil, try asynchronous.latestNumber() == nil
            else { return }
            try open(round, cohort: cohort)
        case .assigned(let task, let client):
            guard isRunning, task.version == committed, try openRound() == nil else { return }
            try asynchronous.assign(task, to: client)
        case .accepted(let offer):
            guard offer.order.kind == .train, try accept(offer) else { return }
            try keepStanding(of: offer)
        case .joined(let round, let member):
            guard try openRound() == round, try !charges.closes(round) else { return }
            try join(member, to: round)
        case .charged(let charge):
            guard try openRound() == charge.round else { return }
            try charges.write(charge, at: moment)
        case .committed(let round, let global, let moments, let clippingNorm):
            guard try isOpen(round, after: committed) else { return }
            try commit(round, global: global, moments: moments, clippingNorm: clippingNorm)
        case .abandoned(let round, let reason):
            guard try isOpen(round, after: committed) else { return }
            try abandon(round, reason: reason)
        case .measured(let measurements):
            try measurements.forEach(keep)
        case .evaluated(let round):
            guard isRunning, round <= committed else { return }
            try execute(
                "UPDATE job SET evaluated_round = MAX(COALESCE(evaluated_round, 0), ?) WHERE id = ?",
                [round, job.rawValue]
            )
        case .finished:
            guard isRunning else { return }
            try end("finished", failure: nil)
        case .exhausted(let reason):
            guard isRunning else { return }
            try end("failed", failure: reason)
            try execute("UPDATE job SET is_exhausted = 1 WHERE id = ?", [job.rawValue])
        case .failed(let reason):
            try end("failed", failure: reason)
        case .cancelled:
            try end("cancelled", failure: nil)
        }
    }

    // MARK: - Rounds

    private func openRound() throws -> Int? {
        try Int.fetchOne(
            db.cachedStatement(sql: "SELECT number FROM round WHERE job = ? AND state = 'open'"),
            arguments: [job.rawValue]
        )
    }

    private var asynchronous: AsynchronousWriter { AsynchronousWriter(job: job, at: moment, db: db) }

    private var charges: PrivacyChargeTable { PrivacyChargeTable(job: job, db: db) }

    /// Whether this is the open round, or the step that the buffered updates are for.
    private func isOpen(_ round: Int, after committed: Int) throws -> Bool {
        if let open = try openRound() { return open == round }
        return try round == committed + 1 && asynchronous.hasBufferedUpdates()
    }

    private func open(_ round: Int, cohort: [CohortMember]) throws {
        // The row is there when an earlier attempt was abandoned.
        try execute(
            """
            INSERT INTO round (job, number, state, opened_at) VALUES (?, ?, 'open', ?)
            ON CONFLICT DO UPDATE
            SET state = 'open', opened_at = excluded.opened_at, closed_at = NULL, reason = NULL
            """,
            [job.rawValue, round, moment]
        )
        for (position, member) in cohort.enumerated() {
            try execute(
                "INSERT INTO cohort_member (job, round, client, position, adapter) VALUES (?, ?, ?, ?, ?)",
                [job.rawValue, round, member.client.rawValue, position, member.adapter.identifier(in: db)]
            )
        }
    }

    private func join(_ member: CohortMember, to round: Int) throws {
        try execute(
            """
            INSERT INTO cohort_member (job, round, client, position, adapter)
            SELECT ?1, ?2, ?3, COALESCE(MAX(position), -1) + 1, ?4 FROM cohort_member WHERE job = ?1 AND round = ?2
            ON CONFLICT DO NOTHING
            """,
            [job.rawValue, round, member.client.rawValue, member.adapter.identifier(in: db)]
        )
    }

    /// Takes an update into the open round or the buffer.
    ///
    /// - Returns: Whether it was taken.
    private func accept(_ offer: UpdateOffer) throws -> Bool {
        guard let open = try openRound() else { return try asynchronous.accept(offer) }
        guard open == offer.order.round, try !charges.closes(open) else { return false }
        // Takes nothing from outside the cohort, and a second update of the same client changes nothing.
        try execute(
            """
            INSERT INTO accepted_update (job, round, client, adapter, example_count, metrics, accepted_at)
            SELECT job, round, client, ?, ?, ?, ? FROM cohort_member WHERE job = ? AND round = ? AND client = ?
            ON CONFLICT DO NOTHING
            """,
            [
                offer.adapter.identifier(in: db), offer.exampleCount, StoredMetrics(offer.metrics).json, moment,
                job.rawValue, offer.order.round, offer.client.rawValue,
            ]
        )
        return db.changesCount > 0
    }

    /// Keeps what an update says of its silo's ledger, whatever becomes of the round.
    private func keepStanding(of offer: UpdateOffer) throws {
        guard let standing = SiloStanding(offer.metrics) else { return }
        try execute(
            """
            INSERT INTO silo_standing (job, client, epsilon, epsilon_next) VALUES (?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET epsilon = excluded.epsilon, epsilon_next = excluded.epsilon_next
            """,
            [job.rawValue, offer.client.rawValue, standing.epsilon, standing.next]
        )
    }

    private func commit(
        _ round: Int,
        global: AdapterReference,
        moments: MomentReferences?,
        clippingNorm: Double?
    ) throws {
        let adapter = try global.identifier(in: db)
        try asynchronous.closeBuffer(into: round)
        try execute(
            """
            UPDATE round
            SET state = 'committed', closed_at = ?, global_adapter = ?, first_moment = ?, second_moment = ?,
                clipping_norm = ?
            WHERE job = ? AND number = ?
            """,
            [
                moment, adapter, moments?.first.identifier(in: db), moments?.second?.identifier(in: db),
                clippingNorm, job.rawValue, round,
            ]
        )
        try execute(
            "UPDATE job SET global_adapter = ?, committed_rounds = ?, abandoned_attempts = 0 WHERE id = ?",
            [adapter, round, job.rawValue]
        )
        try charges.forgetKeys(through: round)
    }

    private func abandon(_ round: Int, reason: String) throws {
        try asynchronous.dropBuffer(of: round)
        // The members' updates go with them.
        try execute("DELETE FROM cohort_member WHERE job = ? AND round = ?", [job.rawValue, round])
        try execute(
            "UPDATE round SET state = 'abandoned', closed_at = ?, reason = ? WHERE job = ? AND number = ?",
            [moment, reason, job.rawValue, round]
        )
        try execute("UPDATE job SET abandoned_attempts = abandoned_attempts + 1 WHERE id = ?", [job.rawValue])
    }

    // MARK: - Figures and ends

    private func keep(_ measurement: Measurement) throws {
        try execute(
            """
            INSERT INTO measurement (job, round, client, phase, name, value) VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET value = excluded.value
            """,
            [
                job.rawValue, measurement.round, measurement.client?.rawValue ?? "", measurement.phase,
                measurement.name,
                measurement.value.isNaN ? nil : measurement.value,
            ]
        )
    }

    private func end(_ phase: String, failure: String?) throws {
        try execute(
            "UPDATE job SET phase = ?, failure = ?, ended_at = ? WHERE id = ?",
            [phase, failure, moment, job.rawValue]
        )
        try charges.forgetKeys()
    }

    private func execute(_ sql: String, _ arguments: StatementArguments) throws {
        try db.cachedStatement(sql: sql).execute(arguments: arguments)
    }
}
