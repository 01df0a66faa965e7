private import Glibc

/// How much an update counts that was trained from an old version: s(τ), τ versions later.
package enum StalenessWeight: Sendable, Hashable, Codable {
    /// 1/√(1 + τ), as in the FedBuff paper: 1, 0.707, 0.577, 0.5 …
    case inverseSquareRoot
    /// (1 + τ)^−exponent; 0 lets every version count the same.
    case polynomial(exponent: Double)

    /// Returns s(τ), above 0 and at most 1; of a version that is still current, exactly 1.
    package func weight(staleness: Int) -> Double {
        precondition(staleness >= 0, "an update cannot be \(-staleness) versions ahead")
        switch self {
        case .inverseSquareRoot:
            return 1 / (1 + Double(staleness)).squareRoot()
        case .polynomial(let exponent):
            precondition(exponent >= 0 && exponent.isFinite, "an exponent of \(exponent)")
            return pow(1 + Double(staleness), -exponent)
        }
    }
}
