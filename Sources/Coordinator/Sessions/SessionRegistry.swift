package import Aggregation
package import FederatedLearning
package import Foundation
private import Metrics
private import WireProtocol

/// The sessions of all connected clients, and the one place where what they do becomes events of a cohort.
///
/// A client has one session: a newer connection replaces the older. What a client waits for an answer to is kept until it
/// is answered or the client leaves, so that a run that begins to listen later hears of it, too.
package actor SessionRegistry {
    private struct Entry {
        let session: ClientSession
        let profile: ClientProfile
        /// Offers and evaluations that nobody has answered.
        var unanswered: [WorkOrder.ID: CohortEvent] = [:]
    }

    /// Whom payload bytes went to or came from, and for which kind of order.
    private struct Purpose: Hashable {
        let client: ClientID
        let kind: WorkOrder.Kind
    }

    private var entries: [ClientID: Entry] = [:]
    private var consumer: AsyncStream<CohortEvent>.Continuation?
    /// Payload bytes that are not yet part of a round's figures; outlives connections.
    private var traffic: [Purpose: Traffic] = [:]
    private var isClosed = false
    private nonisolated let metrics: CoordinatorMetrics

    package init(metrics: CoordinatorMetrics) {
        self.metrics = metrics
    }

    // MARK: - Listing

    package var connectedCount: Int { entries.count }

    /// The most clients that were connected at a time: so many will come again after a restart.
    private(set) var largestCount = 0

    package var profiles: [ClientProfile] {
        entries.values.map(\.profile).sorted { $0.id < $1.id }
    }

    /// Returns when each connected client was heard of last, by name.
    package func lastHeard() async -> [String: Date] {
        var heard: [String: Date] = [:]
        for (client, entry) in entries {
            heard[client.rawValue] = await entry.session.lastHeard
        }
        return heard
    }

    /// The names of the connected clients.
    package var connectedNames: Set<String> { Set(entries.keys.map(\.rawValue)) }

    /// Returns when these clients were heard of last, as far as they are connected.
    package func lastHeard(of names: [String]) async -> [String: Date] {
        var heard: [String: Date] = [:]
        for name in names {
            guard let session = entries[ClientID(name)]?.session else { continue }
            heard[name] = await session.lastHeard
        }
        return heard
    }

    // MARK: - Coming and going

    /// Lets a session in, in place of an older one of the same client.
    ///
    /// - Returns: Whether it is in; the registry of a server that shuts down lets nobody in.
    func enter(_ session: ClientSession, as profile: ClientProfile) async -> Bool {
        guard !isClosed else { return false }
        let older = entries.updateValue(Entry(session: session, profile: profile), forKey: profile.id)
        largestCount = max(largestCount, entries.count)
        metrics.connectedClients.record(entries.count)
        consumer?.yield(.arrived(profile))
        await older?.session.end(
            Tributary_V1_Goodbye(.replaced, "Another connection of '\(profile.id)' has taken over.")
        )
        return true
    }

    /// Takes note that a session is over.
    ///
    /// - Returns: Whether the client is gone: it is not when it never was in, or a newer session has replaced this one.
    func leave(_ session: ClientSession) -> Bool {
        guard entries[session.client]?.session === session else { return false }
        entries[session.client] = nil
        metrics.connectedClients.record(entries.count)
        consumer?.yield(.departed(session.client))
        return true
    }

    /// Closes the session of a client that is no longer admitted.
    package func expel(_ name: String) async {
        await entries[ClientID(name)]?.session.end(
            Tributary_V1_Goodbye(.revoked, "The certificate of '\(name)' was revoked. Ask for a new join string.")
        )
    }

    /// Lets nobody in any more and ends the stream of events.
    package func close() {
        isClosed = true
        consumer?.finish()
        consumer = nil
    }

    // MARK: - What clients do

    /// Passes on what a client does.
    func report(_ event: CohortEvent, from session: ClientSession) {
        guard entries[session.client]?.session === session else { return }
        var event = event
        switch event {
        case .offered(let offer):
            event = .offered(offer.measuring(takeTraffic(of: offer.client, .train)))
            entries[session.client]?.unanswered[offer.order] = event
        case .evaluated(let client, let order, let report):
            metrics.evaluations.increment()
            event = .evaluated(client, order, report.measuring(takeTraffic(of: client, .evaluate)))
            entries[session.client]?.unanswered[order] = event
        case .arrived, .departed, .failed, .progressed:
            break
        }
        consumer?.yield(event)
    }

    /// Counts payload bytes that went over a client's connection.
    func moved(_ client: ClientID, _ kind: WorkOrder.Kind, up: Int = 0, down: Int = 0) {
        let purpose = Purpose(client: client, kind: kind)
        traffic[purpose, default: Traffic()].up += UInt64(up)
        traffic[purpose, default: Traffic()].down += UInt64(down)
        metrics.payloadBytesUp.increment(by: up)
        metrics.payloadBytesDown.increment(by: down)
    }

    private func takeTraffic(of client: ClientID, _ kind: WorkOrder.Kind) -> Traffic {
        traffic.removeValue(forKey: Purpose(client: client, kind: kind)) ?? Traffic()
    }

    /// Returns lines of a connected client's log, from a number on.
    ///
    /// - Returns: `nil` when the client is not connected, or its connection ends before they come.
    /// - Throws: As ``ClientSession/log(from:)``.
    package func log(of name: String, from start: UInt64) async throws -> ClientLog? {
        try await entries[ClientID(name)]?.session.log(from: start)
    }

    // MARK: - What a run asks for

    /// Returns what happens from now on, beginning with what waits for an answer.
    ///
    /// A newer stream ends the older.
    package func events() -> AsyncStream<CohortEvent> {
        consumer?.finish()
        let (stream, continuation) = AsyncStream.makeStream(of: CohortEvent.self)
        guard !isClosed else {
            continuation.finish()
            return stream
        }
        consumer = continuation
        for (_, entry) in entries.sorted(by: { $0.key < $1.key }) {
            for event in entry.unanswered.values { continuation.yield(event) }
        }
        return stream
    }

    package func send(_ order: WorkOrder, to client: ClientID) async {
        await entries[client]?.session.push(order)
    }

    package func withdraw(_ order: WorkOrder.ID, from client: ClientID, reason: String) async {
        entries[client]?.unanswered[order] = nil
        await entries[client]?.session.withdraw(order, reason: reason)
    }

    package func answer(_ offer: UpdateOffer, with verdict: UpdateVerdict) async {
        switch verdict {
        case .accepted: metrics.updatesAccepted.increment()
        case .rejected: metrics.updatesRejected.increment()
        }
        entries[offer.client]?.unanswered[offer.order] = nil
        await entries[offer.client]?.session.answer(offer.order, with: verdict)
    }

    /// Whether somebody who waits for an answer has offered a payload.
    func awaitsAnswer(offering payload: ContentDigest) -> Bool {
        entries.values.contains { entry in
            entry.unanswered.values.contains { event in
                if case .offered(let offer) = event { offer.adapter.digest == payload } else { false }
            }
        }
    }

    /// Answers what clients still wait for when a job is over.
    package func settle(_ job: JobID) async {
        for (client, entry) in entries {
            for (order, event) in entry.unanswered where order.job == job {
                entries[client]?.unanswered[order] = nil
                if case .offered = event {
                    await entry.session.answer(order, with: .rejected(reason: "The job is over."))
                } else {
                    await entry.session.confirm(order)
                }
            }
        }
    }

    package func confirm(_ evaluation: WorkOrder.ID, to client: ClientID) async {
        entries[client]?.unanswered[evaluation] = nil
        await entries[client]?.session.confirm(evaluation)
    }
}

// MARK: - Figures of the server's own

extension UpdateOffer {
    /// Adds what the update's journey cost, in place of what the client may say of that.
    fileprivate func measuring(_ traffic: Traffic) -> UpdateOffer {
        UpdateOffer(
            client: client,
            order: order,
            adapter: adapter,
            exampleCount: exampleCount,
            metrics: metrics.merging(traffic.metrics) { $1 }
        )
    }
}

extension EvaluationReport {
    fileprivate func measuring(_ traffic: Traffic) -> EvaluationReport {
        EvaluationReport(exampleCount: exampleCount, metrics: metrics.merging(traffic.metrics) { $1 })
    }
}

extension Traffic {
    fileprivate var metrics: [String: Double] {
        [MeasurementNames.bytesUp: Double(up), MeasurementNames.bytesDown: Double(down)]
    }
}
