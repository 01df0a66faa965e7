private import Foundation
import NIOCore
private import NIOFoundationCompat

/// The overview as JSON, made once for all dashboards that are open, and only when something has changed.
package actor Overviews {
    /// An overview, and a number that is another one for another overview.
    struct Edition: Sendable {
        let number: Int
        let json: ByteBuffer
    }

    /// Everything that an overview depends on and that is known without asking the database.
    private struct Cause: Equatable {
        let revision: Int
        let connectedClients: Int
    }

    /// How often it is made at most.
    static let interval = Duration.milliseconds(900)
    /// Other processes change the database, too: `fed-server revoke`, an enrolment that was prepared elsewhere.
    private static let longestLife = Duration.seconds(15)

    nonisolated let feed: JobFeed
    private nonisolated let registry: SessionRegistry
    private nonisolated let make: @Sendable () async throws -> Overview
    private var latest: (edition: Edition, cause: Cause, madeAt: ContinuousClock.Instant)?

    package init(
        feed: JobFeed,
        registry: SessionRegistry,
        make: @escaping @Sendable () async throws -> Overview
    ) {
        self.feed = feed
        self.registry = registry
        self.make = make
    }

    /// Returns the edition of `now`, which may be as old as ``interval``.
    func edition(at now: ContinuousClock.Instant) async throws -> Edition {
        if let latest, now - latest.madeAt < Self.interval { return latest.edition }
        let cause = Cause(revision: feed.revision, connectedClients: await registry.connectedCount)
        if let latest, latest.cause == cause, now - latest.madeAt < Self.longestLife { return latest.edition }
        let json = ByteBuffer(data: try AdminCoding.encode(await make()))
        let before = latest?.edition
        let edition = before?.json == json ? before : nil
        let new = edition ?? Edition(number: (before?.number ?? 0) + 1, json: json)
        latest = (new, cause, now)
        return new
    }
}
