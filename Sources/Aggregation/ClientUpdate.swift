package import Adapters

/// What one client hands in at the end of its local training.
package struct ClientUpdate: Sendable, Equatable {
    package let client: ClientID
    /// How much this client counts, before normalisation: finite, at least 0, and by default its number of examples n.
    package let weight: Double
    /// The adapter as the client now holds it.
    package let adapter: LoRAAdapter

    /// Creates an update.
    package init(client: ClientID, weight: Double, adapter: LoRAAdapter) {
        self.client = client
        self.weight = weight
        self.adapter = adapter
    }
}
