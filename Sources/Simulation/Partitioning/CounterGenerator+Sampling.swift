private import Foundation
package import LinearAlgebra

extension CounterGenerator {
    /// Returns the logarithm of a deviate of the gamma distribution with this shape and scale 1.
    ///
    /// Marsaglia & Tsang, "A simple method for generating gamma variables", ACM TOMS 26(3), 2000. A shape below 1 is
    /// reached from the one above it by a factor U^(1/shape), which underflows for small shapes: hence the logarithm.
    package mutating func logarithmOfGamma(shape: Double) -> Double {
        precondition(shape > 0 && shape.isFinite, "a gamma distribution of shape \(shape)")
        if shape < 1 {
            let boost = log(1 - uniform()) / shape
            return logarithmOfGamma(shape: shape + 1) + boost
        }
        let d = shape - 1.0 / 3
        let c = 1 / (9 * d).squareRoot()
        while true {
            let x = gaussian()
            let root = 1 + c * x
            guard root > 0 else { continue }
            let v = root * root * root
            // In (0, 1], so that the logarithm is finite.
            let u = 1 - uniform()
            if log(u) < 0.5 * x * x + d - d * v + d * log(v) { return log(d) + log(v) }
        }
    }

    /// Returns proportions that sum to 1: a deviate of the symmetric Dirichlet distribution Dir(α·1).
    ///
    /// - Parameters:
    ///   - alpha: α, above 0; the smaller, the fewer proportions take everything.
    ///   - count: How many proportions there are.
    ///   - isIncluded: Which of them may be above 0; the others are drawn and set to 0. Where none may, all are equal.
    /// - Returns: The proportions.
    package mutating func dirichlet(
        alpha: Double,
        count: Int,
        where isIncluded: (Int) -> Bool = { _ in true }
    ) -> [Double] {
        let logarithms = (0..<count).map { _ in logarithmOfGamma(shape: alpha) }
        let included = (0..<count).map(isIncluded)
        guard let largest = zip(logarithms, included).filter(\.1).map(\.0).max() else {
            return [Double](repeating: 1 / Double(max(count, 1)), count: count)
        }
        // The largest becomes 1, so that the sum cannot vanish however small the others are.
        let weights = zip(logarithms, included).map { $1 ? exp($0 - largest) : 0 }
        let sum = weights.reduce(0, +)
        return weights.map { $0 / sum }
    }
}

/// exp(−x²/2), up to a factor.
func gaussianDensity(_ x: Double) -> Double { exp(-x * x / 2) }
