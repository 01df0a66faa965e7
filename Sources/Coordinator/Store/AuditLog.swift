private import Crypto
private import FederatedLearning
package import Foundation
import GRDB
private import WireProtocol

/// Who was let in, who was shut out, and what was asked of the server: entries that are only ever added.
///
/// Each entry carries the hash of itself and of the chain before it, so that an edited, removed or inserted entry breaks
/// the chain from there on. The head, how many entries there are and where their chain ends, is kept beside them, so that
/// entries cut off at the end are noticed. Whoever can write the file could compute all of it anew: a head that was noted
/// somewhere else (``Head``) shows that, too. Entries are written in the transaction of what they tell of.
package struct AuditLog: Sendable {
    package enum Action: String, Sendable, Codable, CaseIterable {
        case clientInvited = "client.invited"
        case clientEnrolled = "client.enrolled"
        case clientRenewed = "client.renewed"
        case clientRevoked = "client.revoked"
        /// A silo's own policy said no to an order.
        case orderRefused = "order.refused"
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

    /// Where the chain ends: with it, everything before it is fixed.
    package struct Head: Hashable, Sendable, Codable, LosslessStringConvertible {
        /// How many entries there are.
        package let sequence: Int64
        package let chain: String

        package init(sequence: Int64, chain: String) {
            self.sequence = sequence
            self.chain = chain
        }

        /// Reads `SEQUENCE:CHAIN`, as ``description`` writes it; `nil` for anything else.
        package init?(_ text: String) {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, let sequence = Int64(parts[0]), sequence >= 0 else { return nil }
            self.init(sequence: sequence, chain: String(parts[1]))
            guard description == text, sequence == 0 ? chain.isEmpty : ContentDigest(hexadecimal: chain) != nil else {
                return nil
            }
        }

        package var description: String { "\(sequence):\(chain)" }

        /// The head of a log without entries.
        package static let empty = Head(sequence: 0, chain: "")
    }

    let database: CoordinatorDatabase

    package init(database: CoordinatorDatabase) {
        self.database = database
    }

    /// Returns every entry, oldest first.
    package func entries() async throws -> [Entry] {
        try await database.read { db in
            try Row.fetchAll(db, sql: "SELECT * FROM audit_entry ORDER BY sequence").map { try Self.entry($0).entry }
        }
    }

    /// Makes sure that every entry is as it was written, and that none is missing.
    ///
    /// - Parameter earlier: A head that was noted before; the log has to have gone through it.
    /// - Returns: The present head.
    /// - Throws: ``CoordinatorError/auditBroken(entry:)`` with the number of the first entry that is not as it was written.
    package func verify(since earlier: Head = .empty) async throws -> Head {
        try await database.read { db in
            var head = Head.empty
            let rows = try Row.fetchCursor(db, sql: "SELECT * FROM audit_entry ORDER BY sequence")
            while let row = try rows.next() {
                let next = head.sequence + 1
                guard let (entry, stored) = try? Self.entry(row), entry.sequence == next else {
                    throw CoordinatorError.auditBroken(entry: next)
                }
                head = Head(sequence: next, chain: Self.link(entry, after: head.chain))
                guard head.chain == stored else { throw CoordinatorError.auditBroken(entry: next) }
                guard next != earlier.sequence || head == earlier else {
                    throw CoordinatorError.auditBroken(entry: next)
                }
            }
            guard try Self.head(in: db) == head, head.sequence >= earlier.sequence else {
                throw CoordinatorError.auditBroken(entry: head.sequence + 1)
            }
            return head
        }
    }

    /// Adds an entry; durable when it returns.
    package func record(_ action: Action, _ subject: String, _ detail: String, at: Date) async throws {
        try await database.write { db in try Self.append(action, subject, detail, at: at, in: db) }
    }

    /// Adds an entry within the transaction of `db`.
    static func append(_ action: Action, _ subject: String, _ detail: String = "", at: Date, in db: Database) throws {
        let latest = try head(in: db)
        let entry = Entry(
            sequence: latest.sequence + 1,
            at: at,
            action: action,
            subject: subject,
            detail: detail
        )
        let chain = link(entry, after: latest.chain)
        try db.execute(
            sql: "INSERT INTO audit_entry (sequence, at, action, subject, detail, chain) VALUES (?, ?, ?, ?, ?, ?)",
            arguments: [entry.sequence, at.timeIntervalSince1970, action.rawValue, subject, detail, chain]
        )
        try db.execute(
            sql: """
                INSERT INTO audit_head (id, sequence, chain) VALUES (1, ?, ?)
                ON CONFLICT DO UPDATE SET sequence = excluded.sequence, chain = excluded.chain
                """,
            arguments: [entry.sequence, chain]
        )
    }

    /// Where the chain ends.
    static func head(in db: Database) throws -> Head {
        let row = try Row.fetchOne(db, sql: "SELECT sequence, chain FROM audit_head")
        return row.map { Head(sequence: $0["sequence"], chain: $0["chain"]) } ?? .empty
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

    static func entry(_ row: Row) throws -> (entry: Entry, chain: String) {
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
