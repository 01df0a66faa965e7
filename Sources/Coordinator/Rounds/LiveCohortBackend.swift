package import Aggregation
package import FederatedLearning

/// The cohort of a running server: its clients over TLS.
package struct LiveCohortBackend: CohortBackend {
    private let registry: SessionRegistry

    package init(registry: SessionRegistry) {
        self.registry = registry
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
    }

    package func confirm(_ evaluation: WorkOrder.ID, to client: ClientID) async {
        await registry.confirm(evaluation, to: client)
    }
}
