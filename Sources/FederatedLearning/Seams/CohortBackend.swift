package import Aggregation

/// Hands out work to a cohort and yields what comes back.
///
/// The server half of a round (``FederatedRun``) calls it: over TLS sessions when deployed, over simulated clients when
/// not. A backend holds no rules; it delivers, and it makes a payload durable before it reports it.
package protocol CohortBackend: Sendable {
    /// The clients that can be asked now.
    func presentClients() async -> [ClientProfile]

    /// What happens from now on: called once, before ``presentClients()``. One consumer; the stream ends when the backend
    /// shuts down.
    func events() async -> AsyncStream<CohortEvent>

    /// Pushes `order` to `client`. Nothing happens when the client is away: it is ordered again when it arrives.
    func send(_ order: WorkOrder, to client: ClientID) async

    /// Withdraws an order that is no longer wanted; the reason is a sentence for people.
    func withdraw(_ order: WorkOrder.ID, from client: ClientID, reason: String) async

    /// Answers an offered update. `accepted` is said only after the store has recorded it.
    func answer(_ offer: UpdateOffer, with verdict: UpdateVerdict) async

    /// Tells a client that its evaluation is recorded, so that it may forget it.
    func confirm(_ evaluation: WorkOrder.ID, to client: ClientID) async
}

/// What the server knows of a client that can be asked.
package struct ClientProfile: Hashable, Sendable, Codable {
    package let id: ClientID
    /// The largest rank it is willing to train.
    package let maximumRank: Int
    /// Labels such as `site=berlin`, by which jobs may choose.
    package let tags: [String: String]

    package init(id: ClientID, maximumRank: Int, tags: [String: String] = [:]) {
        self.id = id
        self.maximumRank = maximumRank
        self.tags = tags
    }
}

/// Something that a cohort did.
package enum CohortEvent: Sendable, Equatable {
    /// A client connected; what it still owes is to be ordered again.
    case arrived(ClientProfile)
    /// A client's connection ended, and no other connection of it has taken over.
    case departed(ClientID)
    /// A client will not, or could not, do what was ordered; the reason is a sentence for people.
    case failed(ClientID, WorkOrder.ID, reason: String)
    case progressed(ClientID, WorkOrder.ID, TrainingProgress)
    /// An update lies complete and durable in the backend's keeping, and its sender waits for an answer.
    case offered(UpdateOffer)
    case evaluated(ClientID, WorkOrder.ID, EvaluationReport)
}

/// An update that waits for the server's answer.
package struct UpdateOffer: Hashable, Sendable, Codable {
    package let client: ClientID
    package let order: WorkOrder.ID
    package let adapter: AdapterReference
    package let exampleCount: Int
    package let metrics: [String: Double]

    package init(
        client: ClientID,
        order: WorkOrder.ID,
        adapter: AdapterReference,
        exampleCount: Int,
        metrics: [String: Double]
    ) {
        self.client = client
        self.order = order
        self.adapter = adapter
        self.exampleCount = exampleCount
        self.metrics = metrics
    }
}

/// The server's answer to an offered update.
package enum UpdateVerdict: Hashable, Sendable {
    /// Recorded durably; the client may forget it.
    case accepted
    /// Never to be used; the reason is a sentence for people.
    case rejected(reason: String)
}
