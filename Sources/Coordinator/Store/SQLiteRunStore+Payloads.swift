import FederatedLearning
import Foundation
import GRDB
import Transport
import WireProtocol

extension SQLiteRunStore {
    /// How many uses of a payload are told.
    private static let toldUses = 4

    /// Returns the payloads that a restart would still read.
    func neededPayloads() async throws -> Set<ContentDigest> {
        try await database.read(Self.neededPayloads)
    }

    /// Returns the payloads that a restart of these tables would still read.
    static func neededPayloads(in db: Database) throws -> Set<ContentDigest> {
        let digests = try String.fetchAll(db, sql: "SELECT DISTINCT digest FROM adapter WHERE id IN (\(needed))")
        return Set(digests.compactMap(ContentDigest.init(hexadecimal:)))
    }

    /// Removes a payload that no restart would read; nothing happens when it is not here.
    func removeUnlessNeeded(_ digest: ContentDigest) async throws {
        let isNeeded = try await database.read { db in
            try Bool.fetchOne(
                db.cachedStatement(
                    sql: "SELECT EXISTS (SELECT 1 FROM adapter WHERE digest = ? AND id IN (\(Self.needed)))"
                ),
                arguments: [digest.hexadecimal]
            ) ?? false
        }
        if !isNeeded { try payloads.store.remove(PayloadDigest(digest)) }
    }

    /// Returns every needed payload that is not there, or not as it was.
    ///
    /// - Parameter comparingDigests: Whether to read the payloads; without that, only lengths are compared.
    /// - Returns: What is wrong with each, and who needs it.
    /// - Throws: ``CoordinatorError/databaseDamaged(path:reason:)``, or why a file cannot be read.
    @concurrent
    func findDamage(comparingDigests: Bool = false) async throws -> [PayloadDamage] {
        let lengths = try await database.read { db in
            try Row.fetchAll(db, sql: "SELECT DISTINCT digest, byte_count FROM adapter WHERE id IN (\(Self.needed))")
                .map { (digest: $0["digest"] as String, byteCount: $0["byte_count"] as Int) }
        }
        return try lengths.compactMap { entry in
            guard let digest = ContentDigest(hexadecimal: entry.digest) else {
                throw CoordinatorError.corruptRecord(table: "adapter", key: entry.digest)
            }
            let file = payloads.file(of: digest)
            let attributes = try? FileManager.default.attributesOfItem(atPath: file.path)
            guard let found = attributes?[.size] as? Int else { return try damage(.missing, of: digest) }
            let isChanged = try found != entry.byteCount || comparingDigests && !payloads.isIntact(digest)
            return isChanged ? try damage(.changed, of: digest) : nil
        }
    }

    /// Says what is wrong with a payload, and who needs it.
    func damage(_ problem: PayloadDamage.Problem, of digest: ContentDigest) throws -> PayloadDamage {
        let uses = try database.readNow { db in
            try Row.fetchAll(db, sql: Self.uses, arguments: ["digest": digest.hexadecimal]).map { row in
                PayloadUse(job: JobID(rawValue: row["job"]), round: row["round"], role: row["role"])
            }
        }
        return PayloadDamage(digest: digest, file: payloads.file(of: digest), problem: problem, uses: uses)
    }

    private static let uses = """
        WITH wanted (id) AS (SELECT id FROM adapter WHERE digest = :digest)
        SELECT id AS job, committed_rounds AS round, 'the adapter that the job goes on from' AS role
            FROM job WHERE global_adapter IN wanted
        UNION ALL SELECT job, number, 'the adapter that it left' FROM round WHERE global_adapter IN wanted
        UNION ALL SELECT job, number, 'what the server optimizer carries on'
            FROM round WHERE first_moment IN wanted OR second_moment IN wanted
        UNION ALL SELECT accepted_update.job, round, 'the update of ''' || client || ''''
            FROM accepted_update JOIN round AS open ON open.job = accepted_update.job AND open.number = round
            JOIN job ON job.id = open.job
            WHERE adapter IN wanted AND open.state = 'open' AND job.phase = 'running'
        UNION ALL SELECT cohort_member.job, round, 'what ''' || client || ''' was handed'
            FROM cohort_member JOIN round AS open ON open.job = cohort_member.job AND open.number = round
            JOIN job ON job.id = open.job
            WHERE adapter IN wanted AND open.state = 'open' AND job.phase = 'running'
        UNION ALL SELECT job, version + 1, 'the update of ''' || client || ''''
            FROM asynchronous_update WHERE adapter IN wanted AND state = 'buffered'
        UNION ALL SELECT job, version + 1, 'what ''' || client || ''' was handed'
            FROM asynchronous_task WHERE adapter IN wanted
        LIMIT \(toldUses)
        """
}
