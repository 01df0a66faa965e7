import Adapters
import Aggregation
import Foundation
import LinearAlgebra
import TestSupport
import Testing

/// Random cohorts against a NumPy program that forms every dense matrix in 64 bits (Fixtures/make_reference.py).
@Suite(.tags(.numerics))
struct ReferenceTests {
    init() {
        BLASThreads.useCallingThreadOnly()
    }

    struct Module: Decodable {
        let a: [[Float]]
        let b: [[Float]]
        let alpha: Double
        let rslora: Bool

        var module: LoRAModule {
            LoRAModule(a: Matrix(a), b: Matrix(b), alpha: alpha, usesRankStabilizedScaling: rslora)
        }
    }

    struct Update: Decodable {
        let client: String
        let weight: Double
        let modules: [String: Module]
        let head: [Float]
    }

    struct Start: Decodable {
        let modules: [String: Module]
        let head: [Float]
    }

    struct Expectation: Decodable {
        /// Products by the rank that is handed out.
        let products: [String: [Double]]
    }

    struct Case: Decodable {
        let name: String
        let start: Start
        let updates: [Update]
        /// What is expected, by strategy and module.
        let expected: [String: [String: Expectation]]
        let expectedHead: [Double]
    }

    struct File: Decodable {
        let cases: [Case]
    }

    static let strategies: [String: any AggregationStrategy] = [
        "fedavg": FedAvg(),
        "flexlora-state": FlexLoRA(mode: .state),
        "flexlora-delta": FlexLoRA(mode: .delta),
    ]

    private func adapter(_ modules: [String: Module], _ head: [Float]) -> LoRAAdapter {
        LoRAAdapter(
            modules: modules.mapValues(\.module),
            savedTensors: ["head.bias": DenseTensor(shape: [head.count], elements: head)]
        )
    }

    @Test("agrees with NumPy on random cohorts, at every rank that is handed out", arguments: strategies.keys.sorted())
    func agrees(_ name: String) throws {
        let strategy = try #require(Self.strategies[name])
        let url = try #require(
            Bundle.module.url(forResource: "reference", withExtension: "json", subdirectory: "Fixtures")
        )
        let cases = try JSONDecoder().decode(File.self, from: Data(contentsOf: url)).cases
        var compared = 0
        for test in cases {
            guard let expected = test.expected[name] else { continue }
            let global = adapter(test.start.modules, test.start.head)
            let updates = test.updates.map {
                ClientUpdate(client: ClientID($0.client), weight: $0.weight, adapter: adapter($0.modules, $0.head))
            }
            let next = try CohortAggregation(strategy: strategy).nextGlobal(from: global, updates: updates)
            for (path, expectation) in expected {
                for (rank, values) in expectation.products {
                    let handedOut = try strategy.adapter(forRank: try #require(Int(rank)), from: next)
                    let found = try #require(handedOut.modules[path]).product
                    var reference = found
                    reference.elements = values
                    // Factors are rounded to 32 bits once: a few times 6e-8.
                    #expect(found.relativeDistance(to: reference) < 5e-7, "\(test.name), \(path), rank \(rank)")
                    compared += 1
                }
            }
            let head = try #require(next.savedTensors["head.bias"]).elements
            for (found, expected) in zip(head, test.expectedHead) {
                #expect(abs(Double(found) - expected) < 1e-6)
            }
        }
        #expect(compared > 0)
    }
}
