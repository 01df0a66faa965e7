import GRDB

extension AuditLog {
    /// Some entries, the latest first, and where the log ends.
    package struct Page: Hashable, Sendable, Codable {
        package let entries: [Entry]
        package let head: Head
    }

    /// How many entries are told at a time.
    static let largestPage = 500

    /// Returns the latest entries, or those before an entry; the latest first.
    ///
    /// - Parameters:
    ///   - sequence: The number of the entry before which to begin; `nil` for the end of the log.
    ///   - limit: How many at most; brought into 1...500.
    /// - Returns: The entries, and where the log ends.
    /// - Throws: ``CoordinatorError/corruptRecord(table:key:)`` for an entry that is none.
    func page(before sequence: Int64?, limit: Int) async throws -> Page {
        try await database.read { db in
            let rows = try Row.fetchAll(
                db,
                sql: "SELECT * FROM audit_entry WHERE sequence < ? ORDER BY sequence DESC LIMIT ?",
                arguments: [sequence ?? Int64.max, min(max(1, limit), Self.largestPage)]
            )
            return Page(entries: try rows.map { try Self.entry($0).entry }, head: try Self.head(in: db))
        }
    }
}
