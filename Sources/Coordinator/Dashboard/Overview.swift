/// What the dashboard shows first, and is told again when it has changed.
package struct Overview: Hashable, Sendable, Codable {
    package struct Job: Hashable, Sendable, Codable {
        package let summary: JobSummary
        /// The round that is going on.
        package let open: OpenRoundStanding?
    }

    package let software: String
    package let clients: ClientCounts
    /// The latest first, at most ``jobLimit``.
    package let jobs: [Job]
    /// How many jobs there are.
    package let jobCount: Int

    static let jobLimit = 100
}
