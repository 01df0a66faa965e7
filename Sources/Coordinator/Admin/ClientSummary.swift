package import Foundation

/// One line of the client listing: what the directory knows, and whether the client is connected now.
package struct ClientSummary: Hashable, Sendable, Codable {
    package enum State: String, Hashable, Sendable, Codable {
        case connected, away, revoked

        init(isRevoked: Bool, isConnected: Bool) {
            self = isRevoked ? .revoked : isConnected ? .connected : .away
        }
    }

    package let name: String
    package let state: State
    package let maximumRank: Int?
    package let tags: [String: String]
    package let lastContact: Date?
    package let certificateExpiry: Date?
    package let software: String?

    /// Sums up a client that was heard of at `lastHeard` if it is connected, which is `nil` when it is away.
    package init(record: ClientRecord, lastHeard: Date?) {
        self.name = record.name
        self.state = State(isRevoked: record.revokedAt != nil, isConnected: lastHeard != nil)
        self.maximumRank = record.maximumRank
        self.tags = record.tags
        self.lastContact = lastHeard ?? record.lastContact
        self.certificateExpiry = record.certificateExpiry
        self.software = record.software
    }
}
