import Foundation
import GRDB

extension ClientDirectory {
    /// Returns how many clients are enrolled and not revoked, and how many are revoked.
    func counts() async throws -> (enrolled: Int, revoked: Int) {
        try await database.read { db in
            let row = try Row.fetchOne(db, sql: "SELECT COUNT(*) AS clients, COUNT(revoked_at) AS revoked FROM client")
            let (clients, revoked): (Int, Int) = (row?["clients"] ?? 0, row?["revoked"] ?? 0)
            return (clients - revoked, revoked)
        }
    }

    /// Returns a part of the listing, by name.
    ///
    /// - Parameters:
    ///   - query: Which clients.
    ///   - connected: The names of those who are connected.
    /// - Returns: How many clients the query finds, and the records of the wanted ones.
    /// - Throws: When the database fails.
    func clients(
        matching query: ClientQuery,
        connected: Set<String>
    ) async throws -> (total: Int, records: [ClientRecord]) {
        try await database.read { db in
            // Names alone, because who is connected is not in the database.
            let names = try Row.fetchAll(
                db,
                sql: """
                    SELECT name, revoked_at FROM client
                    WHERE ?1 = '' OR instr(lower(name || ' ' || tags || ' ' || COALESCE(software, '')), ?1)
                    ORDER BY name
                    """,
                arguments: [query.text.lowercased()]
            ).compactMap { row -> String? in
                let name: String = row["name"]
                let state = ClientSummary.State(
                    isRevoked: row["revoked_at"] as Double? != nil,
                    isConnected: connected.contains(name)
                )
                return query.state == nil || query.state == state ? name : nil
            }
            let wanted = names.dropFirst(query.offset).prefix(query.limit)
            let records = try Row.fetchAll(
                db,
                sql: """
                    SELECT client.*, MAX(certificate.expires_at) AS expires_at FROM client
                    LEFT JOIN certificate ON certificate.client = client.name AND certificate.revoked_at IS NULL
                    WHERE client.name IN (\(databaseQuestionMarks(count: wanted.count)))
                    GROUP BY client.name ORDER BY client.name
                    """,
                arguments: StatementArguments(wanted)
            ).map(ClientRecord.init(row:))
            return (names.count, records)
        }
    }
}
