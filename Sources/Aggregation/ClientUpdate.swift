package import Adapters

/// What one client hands in at the end of its local training.
package struct ClientUpdate: Sendable {
    package let client: ClientID
    /// How much this client counts, before normalisation: finite, at least 0, and by default its number of examples n.
    package let weight: Double
    /// The adapter as the client now holds it; frozen factors included.
    package let adapter: StoredAdapter
    /// What the client started from, where that is not the current global adapter cut to its rank.
    package let handed: LoRAAdapter?

    /// Creates an update whose tensors are read where they lie.
    package init(client: ClientID, weight: Double, adapter: StoredAdapter, handed: LoRAAdapter? = nil) {
        self.client = client
        self.weight = weight
        self.adapter = adapter
        self.handed = handed
    }

    /// Creates an update from an adapter in memory.
    package init(client: ClientID, weight: Double, adapter: LoRAAdapter, handed: LoRAAdapter? = nil) {
        self.init(client: client, weight: weight, adapter: StoredAdapter(adapter), handed: handed)
    }
}
