package import Aggregation
package import FederatedLearning
private import LinearAlgebra

/// A cohort in memory whose members do the real client work, or misbehave as the test says.
///
/// Orders are done when they are sent. A finished update stays in its client's outbox until the verdict, as the daemon
/// keeps it, so the backend outlives a run that dies: the next one finds the clients as the dead one left them.
package actor ScriptedCohortBackend: CohortBackend {
    /// What a client does with an order.
    package enum Behaviour: Sendable {
        /// Its work.
        case works
        /// It takes the order and says nothing more.
        case isSilent
        case fails(reason: String)
        /// It offers what the closure makes of its honest update; the payload is stored as it is.
        case offers(@Sendable (FinishedUpdate) -> FinishedUpdate)
    }

    private struct Client {
        let work: ClientWork
        var isPresent: Bool
        let behaviour: @Sendable (WorkOrder.ID) -> Behaviour
        var outbox: [WorkOrder.ID: UpdateOffer] = [:]

        var profile: ClientProfile { ClientProfile(id: work.client, maximumRank: work.maximumRank) }
    }

    private let store: InMemoryRunStore
    private let batch: Int
    private var generator: CounterGenerator
    private var clients: [ClientID: Client] = [:]
    private var continuation: AsyncStream<CohortEvent>.Continuation?
    private var held: [CohortEvent] = []
    private var waiters: [(orders: Int, continuation: CheckedContinuation<Void, Never>)] = []

    /// The orders that were sent, in order.
    package private(set) var orders: [(client: ClientID, order: WorkOrder)] = []
    /// The answers that were given, in order.
    package private(set) var verdicts: [(offer: UpdateOffer, verdict: UpdateVerdict)] = []
    package private(set) var withdrawals: [(client: ClientID, order: WorkOrder.ID, reason: String)] = []
    package private(set) var confirmations: [(client: ClientID, order: WorkOrder.ID)] = []

    /// Creates a cohort without clients.
    ///
    /// - Parameters:
    ///   - store: Where payloads are kept before they are offered.
    ///   - batch: How many events are held back and then delivered in a shuffled order; 1 delivers each at once.
    ///   - seed: Of the shuffles.
    package init(store: InMemoryRunStore, batch: Int = 1, seed: UInt64 = 0) {
        self.store = store
        self.batch = batch
        self.generator = CounterGenerator(seed: seed)
    }

    // MARK: - For tests

    /// Adds a client that does with each order what `behaviour` says.
    package func add(
        _ work: ClientWork,
        isPresent: Bool = true,
        _ behaviour: @escaping @Sendable (WorkOrder.ID) -> Behaviour = { _ in .works }
    ) {
        clients[work.client] = Client(work: work, isPresent: isPresent, behaviour: behaviour)
    }

    package func connect(_ client: ClientID) {
        guard let profile = clients[client]?.profile else { return }
        clients[client]?.isPresent = true
        continuation?.yield(.arrived(profile))
    }

    package func disconnect(_ client: ClientID) {
        clients[client]?.isPresent = false
        continuation?.yield(.departed(client))
    }

    /// Delivers an event that no order led to.
    package func emit(_ event: CohortEvent) {
        continuation?.yield(event)
    }

    /// Ends the stream of events, as a backend does that shuts down.
    package func shutDown() {
        continuation?.finish()
    }

    /// Returns when at least `count` orders were sent.
    package func waitForOrders(_ count: Int) async {
        guard orders.count < count else { return }
        await withCheckedContinuation { waiters.append((count, $0)) }
    }

    // MARK: - CohortBackend

    package func presentClients() -> [ClientProfile] {
        clients.values.filter(\.isPresent).map(\.profile)
    }

    package func events() -> AsyncStream<CohortEvent> {
        // A new run begins: what was on its way to the old one is lost, as with a broken connection.
        held = []
        let (stream, continuation) = AsyncStream<CohortEvent>.makeStream()
        self.continuation = continuation
        return stream
    }

    package func send(_ order: WorkOrder, to client: ClientID) async {
        orders.append((client, order))
        defer {
            let met = waiters.filter { $0.orders <= orders.count }
            waiters.removeAll { $0.orders <= orders.count }
            for waiter in met { waiter.continuation.resume() }
        }
        guard let member = clients[client], member.isPresent else { return }
        do {
            switch member.behaviour(order.id) {
            case .isSilent: break
            case .fails(let reason): deliver(.failed(client, order.id, reason: reason))
            case .works: try await work(order, of: client) { $0 }
            case .offers(let change): try await work(order, of: client, changedBy: change)
            }
        } catch {
            deliver(.failed(client, order.id, reason: "\(error)"))
        }
    }

    private func work(
        _ order: WorkOrder,
        of client: ClientID,
        changedBy change: @Sendable (FinishedUpdate) -> FinishedUpdate
    ) async throws {
        guard let work = clients[client]?.work else { return }
        let adapter = try await store.adapter(order.adapter)
        switch order.id.kind {
        case .train:
            if let offer = clients[client]?.outbox[order.id] { return deliver(.offered(offer)) }
            let update = try await work.train(adapter, for: order) { [continuation] progress in
                continuation?.yield(.progressed(client, order.id, progress))
            }
            let sent = change(update)
            await store.insert(sent.payload)
            clients[client]?.outbox[order.id] = sent.offer
            deliver(.offered(sent.offer))
        case .evaluate:
            deliver(.evaluated(client, order.id, try await work.evaluate(adapter, for: order)))
        }
    }

    private func deliver(_ event: CohortEvent) {
        held.append(event)
        guard held.count >= batch else { return }
        for event in held.shuffled(using: &generator) { continuation?.yield(event) }
        held = []
    }

    package func withdraw(_ order: WorkOrder.ID, from client: ClientID, reason: String) {
        withdrawals.append((client, order, reason))
        clients[client]?.outbox[order] = nil
    }

    package func answer(_ offer: UpdateOffer, with verdict: UpdateVerdict) {
        verdicts.append((offer, verdict))
        clients[offer.client]?.outbox[offer.order] = nil
    }

    package func confirm(_ evaluation: WorkOrder.ID, to client: ClientID) {
        confirmations.append((client, evaluation))
    }
}
