private import Crypto
package import Foundation
import GRDB
private import WireProtocol

/// Who was let in, who was shut out, and what was asked of the server: entries that are only ever added.
///
/// Each entry carries the hash of itself and of the chain before it, so that an edited, removed or inserted entry breaks
/// the chain from there on. Entries are written in the transaction of what they tell of.
package struct AuditLog: Sendable {
    package enum Action: String, Sendable, Codable, CaseIterable {
        case clientInvited = "client.invited"
        case clientEnrolled = "client.enrolled"
        case clientRevoked = "client.revoked"
        case jobSubmitted = "job.submitted"
        case jobCancelled = "job.cancelled"
    }

    package struct Entry: Hashable, Sendable, Codable {
        package let sequence: Int64
        package let at: Date
        package let action: Action
        /// The client or the job.
        package let subject: String
        package let detail: String
    }

    private let database: CoordinatorDatabase

    package init(database: CoordinatorDatabase) {
        self.database = database
    }

    /// Returns every entry, oldest first.
    package func entries() async throws -> [Entry] {
        try await database.writer.read { db in
            try Row.fetchAll(db, sql: "SELECT * FROM audit_entry ORDER BY sequence").map { try Self.entry($0).entry }
        }
    }

    /// Returns the sequence number of the first entry whose chain is broken, or `nil` when every entry is as it was written.
    package func firstBrokenEntry() async throws -> Int64? {
        try await database.writer.read { db in
            var chain = ""
            var expected: Int64 = 1
            let rows = try Row.fetchCursor(db, sql: "SELECT * FROM audit_entry ORDER BY sequence")
            while let row = try rows.next() {
                guard let (entry, stored) = try? Self.entry(row), entry.sequence == expected else { return expected }
                chain = Self.link(entry, after: chain)
                guard chain == stored else { return expected }
                expected += 1
            }
            return nil
        }
    }

    /// Adds an entry within the transaction of `db`.
    static func append(_ action: Action, _ subject: String, _ detail: String = "", at: Date, in db: Database) throws {
        let latest = try Row.fetchOne(db, sql: "SELECT sequence, chain FROM audit_entry ORDER BY sequence DESC LIMIT 1")
        let sequence: Int64 = latest.map { $0["sequence"] as Int64 + 1 } ?? 1
        let entry = Entry(sequence: sequence, at: at, action: action, subject: subject, detail: detail)
        try db.execute(
            sql: "INSERT INTO audit_entry (sequence, at, action, subject, detail, chain) VALUES (?, ?, ?, ?, ?, ?)",
            arguments: [
                sequence, at.timeIntervalSince1970, action.rawValue, subject, detail,
                link(entry, after: latest?["chain"] ?? ""),
            ]
        )
    }

    /// Returns SHA-256 over the chain so far and every field, each preceded by its length so that none can borrow from
    /// its neighbour.
    private static func link(_ entry: Entry, after chain: String) -> String {
        var hash = SHA256()
        let fields = [
            chain, "\(entry.sequence)", "\(entry.at.timeIntervalSince1970.bitPattern)", entry.action.rawValue,
            entry.subject, entry.detail,
        ]
        for field in fields {
            hash.update(data: Data("\(field.utf8.count):".utf8))
            hash.update(data: Data(field.utf8))
        }
        return hash.finalize().hexadecimal
    }

    private static func entry(_ row: Row) throws -> (entry: Entry, chain: String) {
        let sequence: Int64 = row["sequence"]
        guard let action = Action(rawValue: row["action"]) else {
            throw CoordinatorError.corruptRecord(table: "audit_entry", key: "\(sequence)")
        }
        let entry = Entry(
            sequence: sequence,
            at: Date(timeIntervalSince1970: row["at"]),
            action: action,
            subject: row["subject"],
            detail: row["detail"]
        )
        return (entry, row["chain"])
    }
}
