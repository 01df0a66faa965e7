import Adapters
import Foundation
import LinearAlgebra
import Testing

@testable import Aggregation

/// What a NumPy program computed by the papers' definitions (Fixtures/make_robust_reference.py).
struct RobustReference: Decodable {
    /// Robust rules on vectors that are written out.
    struct Vectors: Decodable {
        let vectors: [[Float]]
        let weights: [Double]
        let byzantine: Int
        let median: [Double]
        let trimmed: [Double]
        let scores: [Double]
        let krum: [Double]
        let multiKrum: [Double]
        let geometricMedian: [Double]
        let convergedMedian: [Double]
        let normMedian: [Double]
        let normFixed: [Double]
        let bulyanSelection: [Int]?
        let bulyan: [Double]?

        var changes: InnerProducts { InnerProducts(of: vectors.map { $0.map(Double.init) }) }
        /// The weights with a sum of 1.
        var shares: [Double] { weights.map { $0 / weights.reduce(0, +) } }
    }

    let vectors: [Vectors]

    static func load() throws -> RobustReference {
        let url = try #require(
            Bundle.module.url(forResource: "robust", withExtension: "json", subdirectory: "Fixtures")
        )
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(RobustReference.self, from: Data(contentsOf: url))
    }
}

/// The largest difference between two lists of numbers, relative to the largest number of the second, or infinity where
/// they differ in length.
func largestDifference(_ found: [Double], _ expected: [Double]) -> Double {
    guard found.count == expected.count else { return .infinity }
    let scale = expected.map(abs).max() ?? 1
    return zip(found, expected).map { abs($0 - $1) }.max().map { $0 / max(scale, 1e-300) } ?? 0
}

extension RobustVerdict {
    /// The weights, where there are some.
    var weights: [Double]? {
        guard case .weights(let weights) = self else { return nil }
        return weights
    }

    /// The scales, where there are some.
    var scales: [Double]? {
        guard case .scales(let scales) = self else { return nil }
        return scales
    }
}
