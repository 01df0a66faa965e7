package import Aggregation
package import FederatedLearning

/// The cohort of a running server: its clients over TLS.
package struct LiveCohortBackend: CohortBackend {
    private let registry: SessionRegistry
    private let store: SQLiteRunStore
    private let storageFailed: @Sendable (any Error) -> Void

    /// Creates the cohort of the clients in `registry`, whose payloads are in `store`.
    package init(
        registry: SessionRegistry,
        store: SQLiteRunStore,
        storageFailed: @escaping @Sendable (any Error) -> Void = { _ in }
    ) {
        self.registry = registry
        self.store = store
        self.storageFailed = storageFailed
    }

    package func presentClients() async -> [ClientProfile] { await registry.profiles }

    package func events() async -> AsyncStream<CohortEvent> { await registry.events() }

    package func send(_ order: WorkOrder, to client: ClientID) async {
        await registry.send(order, to: client)
    }

    package func withdraw(_ order: WorkOrder.ID, from client: ClientID, reason: String) async {
        await registry.withdraw(order, from: client, reason: reason)
    }

    package func answer(_ offer: UpdateOffer, with verdict: UpdateVerdict) async {
        await registry.answer(offer, with: verdict)
        // The same bytes may be another client's, who waits for an answer.
        guard case .rejected = verdict, await !registry.awaitsAnswer(offering: offer.adapter.digest) else { return }
        do {
            // Otherwise a client fills the disk with what nobody can use, one rejected update after the other.
            try await store.removeUnlessNeeded(offer.adapter.digest)
        } catch {
            storageFailed(error)
        }
    }

    package func confirm(_ evaluation: WorkOrder.ID, to client: ClientID) async {
        await registry.confirm(evaluation, to: client)
    }
}
