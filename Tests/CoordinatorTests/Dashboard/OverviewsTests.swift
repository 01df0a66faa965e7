import FederatedLearning
import Foundation
import NIOCore
import Synchronization
import TestSupport
import Testing

@testable import Coordinator

@Suite("Overviews")
struct OverviewsTests {
    private static func overview(jobs: Int) -> Overview {
        Overview(
            software: "test",
            clients: ClientCounts(enrolled: 0, connected: 0, revoked: 0),
            jobs: [],
            jobCount: jobs
        )
    }

    @Test("are made once for everybody who asks, and again when something has changed")
    func editions() async throws {
        let feed = JobFeed()
        let made = Mutex(0)
        let overviews = Overviews(feed: feed, registry: SessionRegistry(metrics: CoordinatorMetrics())) {
            Self.overview(
                jobs: made.withLock { made in
                    made += 1; return made
                }
            )
        }
        let start = ContinuousClock.now
        for _ in 0..<10 { #expect(try await overviews.edition(at: start).number == 1) }
        #expect(try await overviews.edition(at: start + .seconds(5)).number == 1)
        #expect(made.withLock { $0 } == 1)
        feed.changed(.sample)
        // Not more often than this, however much happens.
        #expect(try await overviews.edition(at: start + .milliseconds(100)).number == 1)
        #expect(try await overviews.edition(at: start + .seconds(6)).number == 2)
        #expect(made.withLock { $0 } == 2)
        // Other processes change the tables without saying so.
        #expect(try await overviews.edition(at: start + .seconds(60)).number == 3)
    }

    @Test("are no news when they say the same")
    func sameAgain() async throws {
        let feed = JobFeed()
        let overviews = Overviews(feed: feed, registry: SessionRegistry(metrics: CoordinatorMetrics())) {
            Self.overview(jobs: 7)
        }
        let start = ContinuousClock.now
        let first = try await overviews.edition(at: start)
        feed.changed(.sample)
        let second = try await overviews.edition(at: start + .seconds(5))
        #expect(first.number == second.number)
    }

    @Test("are written as server-sent events")
    func event() async throws {
        let overviews = Overviews(feed: JobFeed(), registry: SessionRegistry(metrics: CoordinatorMetrics())) {
            Self.overview(jobs: 7)
        }
        let text = String(buffer: LiveStream.event(try await overviews.edition(at: .now)))
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count == 5)
        #expect(lines[0] == "id: 1")
        #expect(lines[1] == "event: overview")
        #expect(lines[2].hasPrefix("data: {"))
        #expect(lines[3].isEmpty && lines[4].isEmpty)
    }
}
