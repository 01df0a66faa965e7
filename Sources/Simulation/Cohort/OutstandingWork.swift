package import Aggregation

/// Work that was going on when a state was saved.
package struct OutstandingWork: Hashable, Sendable, Codable {
    package let client: ClientID
    /// The number of the order.
    package let order: Int
    package let start: Duration
    package let attempt: Int
}
