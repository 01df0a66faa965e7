package import Adapters
package import FederatedLearning
package import Foundation
import GRDB
import Transport
import WireProtocol

/// The coordinator's ``RunStore``: steps as rows of the database, adapters as files of the payload folder.
///
/// Every step is one transaction, durable when ``apply(_:to:)`` returns; a payload is durable before a row names it.
package struct SQLiteRunStore: Sendable {
    let database: CoordinatorDatabase
    let payloads: AdapterPayloads
    private let feed: JobFeed
    private let now: @Sendable () -> Date

    /// Creates the store over an open database; `feed` is told of every step, and `now` stamps rounds and updates.
    package init(
        database: CoordinatorDatabase,
        payloads: AdapterPayloads,
        feed: JobFeed,
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.database = database
        self.payloads = payloads
        self.feed = feed
        self.now = now
    }
}

extension SQLiteRunStore: RunStore {
    package func state(of job: JobID) async throws -> RunState {
        try await database.read { db in try RunState(of: job, in: db) }
    }

    package func apply(_ change: RunChange, to job: JobID) async throws {
        let moment = now()
        let unused = try await database.write { db in
            try RunChangeWriter(job: job, at: moment, db: db).write(change)
            return try Self.payloadsSetFree(by: change, of: job, in: db)
        }
        for digest in unused { try payloads.store.remove(PayloadDigest(digest)) }
        feed.changed(job)
    }

    package func adapter(_ reference: AdapterReference) async throws -> LoRAAdapter {
        try await payloads.adapter(reference)
    }

    package func update(
        _ reference: AdapterReference,
        scope: UpdateScope,
        handed: LoRAAdapter
    ) async throws -> StoredAdapter {
        try await payloads.update(reference, scope: scope, handed: handed)
    }

    package func keep(_ adapter: LoRAAdapter) async throws -> AdapterReference {
        try await payloads.keep(adapter)
    }
}

// MARK: - Payloads that are no longer needed

extension SQLiteRunStore {
    /// What every committed round left, the moments of the latest one, what open rounds of running jobs hand out and have
    /// accepted, and the same of asynchronous ones: open tasks, and buffered updates with what they were trained from.
    static let needed = """
        SELECT global_adapter AS adapter FROM job WHERE global_adapter IS NOT NULL
        UNION SELECT global_adapter FROM round WHERE global_adapter IS NOT NULL
        UNION SELECT first_moment FROM round JOIN job ON job.id = round.job AND job.committed_rounds = round.number
            WHERE first_moment IS NOT NULL
        UNION SELECT second_moment FROM round JOIN job ON job.id = round.job AND job.committed_rounds = round.number
            WHERE second_moment IS NOT NULL
        UNION SELECT cohort_member.adapter FROM cohort_member
            JOIN round ON round.job = cohort_member.job AND round.number = cohort_member.round
            JOIN job ON job.id = round.job WHERE state = 'open' AND phase = 'running'
        UNION SELECT accepted_update.adapter FROM accepted_update
            JOIN round ON round.job = accepted_update.job AND round.number = accepted_update.round
            JOIN job ON job.id = round.job WHERE state = 'open' AND phase = 'running'
        UNION SELECT task.adapter FROM asynchronous_task AS task JOIN job ON job.id = task.job
            WHERE phase = 'running' AND NOT EXISTS (
                SELECT 1 FROM asynchronous_update AS done WHERE done.job = task.job AND done.number = task.number
            )
        UNION SELECT adapter FROM asynchronous_update JOIN job ON job.id = asynchronous_update.job
            WHERE state = 'buffered' AND phase = 'running'
        UNION SELECT handed FROM asynchronous_update JOIN job ON job.id = asynchronous_update.job
            WHERE state = 'buffered' AND phase = 'running'
        """

    /// Returns the payloads of a round that has just been committed, and the moments of the one before, that nothing else
    /// needs.
    private static func payloadsSetFree(
        by change: RunChange,
        of job: JobID,
        in db: Database
    ) throws -> [ContentDigest] {
        guard case .committed(let round, _, _, _) = change else { return [] }
        let digests = try String.fetchAll(
            db,
            sql: """
                SELECT DISTINCT digest FROM adapter
                WHERE id IN (
                    SELECT adapter FROM cohort_member WHERE job = :job AND round = :round
                    UNION SELECT adapter FROM accepted_update WHERE job = :job AND round = :round
                    UNION SELECT adapter FROM asynchronous_update WHERE job = :job AND round = :round
                    UNION SELECT handed FROM asynchronous_update WHERE job = :job AND round = :round
                    UNION SELECT first_moment FROM round WHERE job = :job AND number = :round - 1
                    UNION SELECT second_moment FROM round WHERE job = :job AND number = :round - 1
                ) AND digest NOT IN (SELECT digest FROM adapter WHERE id IN (\(needed)))
                """,
            arguments: ["job": job.rawValue, "round": round]
        )
        return digests.compactMap(ContentDigest.init(hexadecimal:))
    }
}
