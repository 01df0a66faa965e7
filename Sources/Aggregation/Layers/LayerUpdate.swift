package import Adapters
package import LinearAlgebra

/// What one client made of one layer, after every value was found to be finite.
package struct LayerUpdate: Sendable {
    package let client: ClientID
    /// wᵢ = nᵢ/Σn: how much this client counts.
    package let weight: Double
    /// Aᵢ, rᵢ×in.
    package let a: StoredMatrix
    /// Bᵢ, out×rᵢ.
    package let b: StoredMatrix
    /// Rᵢ, rᵢ×rᵢ, or `nil` for the identity.
    package let core: StoredMatrix?
    /// sᵢ, by which the product is multiplied.
    package let scaling: Double
    /// What this client started from, where that is not the global module cut to its rank: in asynchronous rounds.
    package let handed: LoRAModule?

    package init(client: ClientID, weight: Double, module: StoredAdapter.Module, handed: LoRAModule? = nil) {
        self.client = client
        self.weight = weight
        self.a = module.a
        self.b = module.b
        self.core = module.core
        self.scaling = module.scaling
        self.handed = handed
    }

    /// rᵢ.
    package var rank: Int { a.rows }
}
