/// Which lines of the client listing are wanted.
package struct ClientQuery: Hashable, Sendable {
    /// What the name, the tags or the software have to contain, whatever its case; empty for all.
    package let text: String
    /// `nil` for all.
    package let state: ClientSummary.State?
    package let offset: Int
    package let limit: Int

    /// How many lines are told at a time.
    package static let largestLimit = 500

    /// Creates a query; a negative offset is none, and the limit is brought into 1...500.
    package init(text: String = "", state: ClientSummary.State? = nil, offset: Int = 0, limit: Int = 100) {
        self.text = text
        self.state = state
        self.offset = max(0, offset)
        self.limit = min(max(1, limit), Self.largestLimit)
    }
}

/// Some lines of the client listing, and how many there are in all.
package struct ClientPage: Hashable, Sendable, Codable {
    /// How many clients the query finds.
    package let total: Int
    package let offset: Int
    package let clients: [ClientSummary]
}

/// How many clients are enrolled, and how they stand.
package struct ClientCounts: Hashable, Sendable, Codable {
    /// Those whose certificates are not revoked.
    package let enrolled: Int
    package let connected: Int
    package let revoked: Int
}
