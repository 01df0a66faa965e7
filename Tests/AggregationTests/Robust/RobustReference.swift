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

    struct Module: Decodable {
        let a: [[Float]]
        let b: [[Float]]
        let alpha: Double

        var module: LoRAModule { LoRAModule(a: Matrix(a), b: Matrix(b), alpha: alpha) }
    }

    struct Adapter: Decodable {
        let modules: [String: Module]
        let head: [Float]

        var adapter: LoRAAdapter {
            LoRAAdapter(
                modules: modules.mapValues(\.module),
                savedTensors: ["head.bias": DenseTensor(shape: [head.count], elements: head)]
            )
        }
    }

    /// Robust rules before strategies.
    struct Cohort: Decodable {
        struct Update: Decodable {
            let client: String
            let weight: Double
            let modules: [String: Module]
            let head: [Float]
        }

        struct Result: Decodable {
            let rule: String
            let strategy: String
            let products: [String: [Double]]
            let head: [Double]
        }

        let name: String
        let byzantine: Int
        let start: Adapter
        let updates: [Update]
        let innerProducts: [String: [[Double]]]
        let results: [Result]

        var clientUpdates: [ClientUpdate] {
            updates.map {
                ClientUpdate(
                    client: ClientID($0.client),
                    weight: $0.weight,
                    adapter: Adapter(modules: $0.modules, head: $0.head).adapter
                )
            }
        }
    }

    /// Steps of an optimizer over one tensor.
    struct Optimizer: Decodable {
        let name: String
        let learningRate: Double
        let start: [Float]
        let moves: [[Float]]
        let steps: [[Double]]
    }

    /// FedAvgM of a product.
    struct ProductMomentum: Decodable {
        let rank: Int
        let learningRate: Double
        let momentum: Double
        let start: Module
        let aggregates: [Module]
        let steps: [[Double]]
    }

    /// One step of FedBuff, by changes of products and by changes of factors.
    struct Asynchronous: Decodable {
        struct Entry: Decodable {
            let client: String
            let staleness: Int
            let start: Adapter
            let end: Adapter
        }

        struct Factors: Decodable {
            let a: [[Double]]
            let b: [[Double]]
        }

        let name: String
        let normalization: BufferedAggregation.Normalization
        let learningRate: Double
        let now: Adapter
        let entries: [Entry]
        let products: [String: [Double]]
        let factors: [String: Factors]
        let head: [Double]

        var changes: [AsynchronousAggregation.Change] {
            entries.map { entry in
                AsynchronousAggregation.Change(
                    update: ClientUpdate(
                        client: ClientID(entry.client),
                        weight: 1,
                        adapter: entry.end.adapter,
                        handed: entry.start.adapter
                    ),
                    staleness: entry.staleness
                )
            }
        }
    }

    let cohorts: [Cohort]
    let optimizers: [Optimizer]
    let productMomentum: ProductMomentum
    let asynchronous: [Asynchronous]
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
