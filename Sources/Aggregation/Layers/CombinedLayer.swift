package import Adapters
package import LinearAlgebra

/// One layer after a round.
package struct CombinedLayer: Sendable {
    /// The next global module.
    package var module: LoRAModule
    /// What is to be folded into the base model's weight: W₀ ← W₀ + Σ c·BA, scales included.
    package var residual: FactoredSum?
    /// How the layer's product was cut to the global rank, where it was.
    package var truncation: TruncationReport?

    package init(_ module: LoRAModule, residual: FactoredSum? = nil, truncation: TruncationReport? = nil) {
        self.module = module
        self.residual = residual
        self.truncation = truncation
    }
}
