package import DifferentialPrivacy

/// Where a private training's noise and samples come from.
package enum NoiseSource: Sendable, Hashable {
    /// From a secret key, with exact noise: for everything that is released.
    case secret(NoiseKey)
    /// From the job's seed, which everybody knows, with noise in floating point: for simulations only.
    case simulation
}
