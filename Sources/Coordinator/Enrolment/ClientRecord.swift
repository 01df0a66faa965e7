package import Foundation
import GRDB

/// What the directory knows of one client.
package struct ClientRecord: Hashable, Sendable, Codable {
    package let name: String
    package let enrolledAt: Date
    /// `nil` before the first connection.
    package let lastContact: Date?
    package let maximumRank: Int?
    package let tags: [String: String]
    package let software: String?
    package let revokedAt: Date?
    /// When the valid certificate ends; `nil` when there is none.
    package let certificateExpiry: Date?

    init(row: Row) throws {
        func date(_ column: String) -> Date? {
            (row[column] as Double?).map(Date.init(timeIntervalSince1970:))
        }
        self.name = row["name"]
        self.enrolledAt = Date(timeIntervalSince1970: row["enrolled_at"])
        self.lastContact = date("last_contact")
        self.maximumRank = row["maximum_rank"]
        let tags: String = row["tags"]
        self.tags = try JSONDecoder().decode([String: String].self, from: Data(tags.utf8))
        self.software = row["software"]
        self.revokedAt = date("revoked_at")
        self.certificateExpiry = date("expires_at")
    }
}
