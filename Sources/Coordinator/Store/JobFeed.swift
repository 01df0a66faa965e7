package import FederatedLearning
private import Synchronization

/// Tells those who watch a job that it has changed; what has changed, they read from the tables.
package final class JobFeed: Sendable {
    private struct Watchers {
        var next = 0
        var continuations: [JobID: [Int: AsyncStream<Void>.Continuation]] = [:]
        var isClosed = false
        var revision = 0
    }

    private let watchers = Mutex(Watchers())

    package init() {}

    /// Returns a stream that yields at once, and again after one or more changes, until the feed is closed.
    package func changes(of job: JobID) -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let number: Int? = watchers.withLock { watchers in
            guard !watchers.isClosed else { return nil }
            watchers.next += 1
            watchers.continuations[job, default: [:]][watchers.next] = continuation
            return watchers.next
        }
        continuation.yield()
        guard let number else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in
            self?.watchers.withLock { watchers in
                watchers.continuations[job]?[number] = nil
                if watchers.continuations[job]?.isEmpty == true { watchers.continuations[job] = nil }
            }
        }
        return stream
    }

    /// Wakes those who watch `job`.
    package func changed(_ job: JobID) {
        let continuations = watchers.withLock { watchers in
            watchers.revision &+= 1
            return Array(watchers.continuations[job, default: [:]].values)
        }
        for continuation in continuations { continuation.yield() }
    }

    /// A number that is another one after any job has changed.
    var revision: Int { watchers.withLock { $0.revision } }

    /// Whether the server shuts down.
    var isClosed: Bool { watchers.withLock { $0.isClosed } }

    /// Ends every stream: the server shuts down.
    package func close() {
        let continuations = watchers.withLock { watchers in
            watchers.isClosed = true
            return watchers.continuations.values.flatMap(\.values)
        }
        for continuation in continuations { continuation.finish() }
    }
}
