/// How the adaptive server optimizers follow the size of a coordinate's changes, v ≈ D².
package enum SecondMoment: Sendable, Hashable, CaseIterable {
    /// v ← v + D²: FedAdagrad.
    case adagrad
    /// v ← v − (1 − β₂)·D²·sign(v − D²): FedYogi, which lets v grow and shrink by no more than a share of D².
    case yogi
    /// v ← β₂v + (1 − β₂)·D²: FedAdam.
    case adam

    /// Returns the next v.
    @inline(__always)
    func next(_ v: Double, change: Double, beta2: Double) -> Double {
        let square = change * change
        switch self {
        case .adagrad:
            return v + square
        case .yogi:
            guard v != square else { return v }
            return v > square ? v - (1 - beta2) * square : v + (1 - beta2) * square
        case .adam:
            return beta2 * v + (1 - beta2) * square
        }
    }
}
