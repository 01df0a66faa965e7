import Aggregation
import FederatedLearning
import GRDB
import WireProtocol

// What sessions ask before they move bytes. The answers come from the tables, so they are right after a restart, before
// the run itself listens again.

/// What is known of an offered update.
enum OfferStanding: Hashable, Sendable {
    /// It is part of its round already.
    case accepted
    /// Its round is open and has no update of this client, which was handed that adapter.
    case awaited(handed: AdapterReference)
    /// It can no longer count; the reason is a sentence for people.
    case settled(reason: String)
}

extension SQLiteRunStore {
    /// Says whether an offered update can count.
    func standing(of offer: UpdateOffer) async throws -> OfferStanding {
        try await database.read { db in
            if let standing = try Self.asynchronousStanding(of: offer, in: db) { return standing }
            let (job, round, client) = (offer.order.job.rawValue, offer.order.round, offer.client.rawValue)
            let accepted = try String.fetchOne(
                db.cachedStatement(
                    sql: """
                        SELECT adapter.digest FROM accepted_update JOIN adapter ON adapter.id = accepted_update.adapter
                        WHERE job = ? AND round = ? AND client = ?
                        """
                ),
                arguments: [job, round, client]
            )
            if let accepted {
                return accepted == offer.adapter.digest.hexadecimal
                    ? .accepted : .settled(reason: "Round \(round) has another update of '\(client)' already.")
            }
            let handed = try Int64.fetchOne(
                db.cachedStatement(
                    sql: """
                        SELECT cohort_member.adapter FROM cohort_member
                        JOIN round ON round.job = cohort_member.job AND round.number = cohort_member.round
                        JOIN job ON job.id = cohort_member.job
                        WHERE cohort_member.job = ? AND cohort_member.round = ? AND client = ?
                            AND round.state = 'open' AND job.phase = 'running'
                        """
                ),
                arguments: [job, round, client]
            )
            guard let handed else {
                return .settled(reason: "Round \(round) of this job is over, or '\(client)' is not part of it.")
            }
            return .awaited(handed: try AdapterReference(identifier: handed, in: db))
        }
    }

    /// The standing of an update in asynchronous rounds; `nil` when the client has, or had, no such task.
    private static func asynchronousStanding(of offer: UpdateOffer, in db: Database) throws -> OfferStanding? {
        let arguments: StatementArguments = [offer.order.job.rawValue, offer.client.rawValue, offer.order.round]
        let accepted = try String.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT digest FROM asynchronous_update JOIN adapter ON adapter.id = asynchronous_update.adapter
                    WHERE job = ? AND client = ? AND number = ?
                    """
            ),
            arguments: arguments
        )
        if let accepted {
            return accepted == offer.adapter.digest.hexadecimal
                ? .accepted : .settled(reason: "Order \(offer.order.round) has another update of this client already.")
        }
        let handed = try Int64.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT adapter FROM asynchronous_task JOIN job ON job.id = asynchronous_task.job
                    WHERE job = ? AND client = ? AND asynchronous_task.number = ? AND phase = 'running'
                    """
            ),
            arguments: arguments
        )
        return try handed.map { .awaited(handed: try AdapterReference(identifier: $0, in: db)) }
    }

    /// Says whether the figures of an evaluation are still to be recorded.
    func awaitsEvaluation(_ order: WorkOrder.ID) async throws -> Bool {
        try await database.read { db in
            try Bool.fetchOne(
                db.cachedStatement(
                    sql:
                        "SELECT EXISTS (SELECT 1 FROM job WHERE id = ? AND phase = 'running' AND committed_rounds >= ?)"
                ),
                arguments: [order.job.rawValue, order.round]
            ) ?? false
        }
    }

    /// Says whether a client may have a payload: what it is to train from, and what running jobs have everyone evaluate.
    func isFetchable(_ payload: PayloadDigest, by client: ClientID) async throws -> Bool {
        try await database.read { db in
            try Bool.fetchOne(
                db.cachedStatement(
                    sql: """
                        SELECT EXISTS (
                            SELECT 1 FROM adapter
                            JOIN cohort_member ON cohort_member.adapter = adapter.id
                            WHERE digest = :digest AND client = :client
                        ) OR EXISTS (
                            SELECT 1 FROM adapter
                            JOIN asynchronous_task ON asynchronous_task.adapter = adapter.id
                            WHERE digest = :digest AND client = :client
                        ) OR EXISTS (
                            SELECT 1 FROM adapter
                            JOIN job ON job.global_adapter = adapter.id
                            WHERE digest = :digest AND job.phase = 'running'
                        ) OR EXISTS (
                            SELECT 1 FROM adapter
                            JOIN round ON round.global_adapter = adapter.id
                            JOIN job ON job.id = round.job
                            WHERE digest = :digest AND job.phase = 'running'
                        )
                        """
                ),
                arguments: ["digest": payload.hexadecimal, "client": client.rawValue]
            ) ?? false
        }
    }
}
