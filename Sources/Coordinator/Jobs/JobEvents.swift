package import FederatedLearning

/// One line of a job's event stream.
package enum JobEvent: Hashable, Sendable, Codable {
    /// Every figure of a round is known.
    case round(RoundReport)
    /// The job has started, or is over; nothing follows a final phase.
    case phase(JobReport)
}

/// What happens to a job: each complete round once, and each change of its phase.
///
/// Everything is read from the tables, so it does not matter when somebody begins to watch. The sequence ends when the job
/// is over or the server shuts down.
package struct JobEvents: AsyncSequence, Sendable {
    package typealias Element = JobEvent

    private let job: JobID
    private let catalogue: JobCatalogue
    private let feed: JobFeed

    package init(job: JobID, catalogue: JobCatalogue, feed: JobFeed) {
        self.job = job
        self.catalogue = catalogue
        self.feed = feed
    }

    package func makeAsyncIterator() -> Iterator {
        Iterator(job: job, catalogue: catalogue, changes: feed.changes(of: job))
    }

    package struct Iterator: AsyncIteratorProtocol {
        private let job: JobID
        private let catalogue: JobCatalogue
        private var changes: AsyncStream<Void>.Iterator
        private var pending: ArraySlice<JobEvent> = []
        private var progress = JobProgress()

        init(job: JobID, catalogue: JobCatalogue, changes: AsyncStream<Void>) {
            self.job = job
            self.catalogue = catalogue
            self.changes = changes.makeAsyncIterator()
        }

        package mutating func next() async throws -> JobEvent? {
            while true {
                if let event = pending.popFirst() { return event }
                if progress.isOver { return nil }
                guard await changes.next(isolation: #isolation) != nil else { return nil }
                pending += progress.events(in: try await catalogue.report(of: job))
            }
        }
    }
}
