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
        let core: [[Float]]?
        let alpha: Double
        let rslora: Bool

        var module: LoRAModule {
            LoRAModule(
                a: Matrix(a),
                b: Matrix(b),
                core: core.map { Matrix($0) },
                alpha: alpha,
                usesRankStabilizedScaling: rslora
            )
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
        /// The factors that the strategy defines.
        let a: [Double]?
        let b: [Double]?
        let core: [Double]?
        /// Products by the rank that is handed out.
        let products: [String: [Double]]
        /// What is folded into the base model.
        let residual: [Double]?
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

    /// A strategy under the name that the program gives it.
    struct Subject: Sendable, CustomTestStringConvertible {
        let name: String
        let strategy: any AggregationStrategy
        var round = RoundContext.first
        var testDescription: String { name }
    }

    static let subjects = [
        Subject(name: "fedavg", strategy: FedAvg()),
        Subject(name: "ffa-lora", strategy: FFALoRA()),
        Subject(name: "flexlora-state", strategy: FlexLoRA(mode: .state)),
        Subject(name: "flexlora-delta", strategy: FlexLoRA(mode: .delta)),
        Subject(name: "hetlora", strategy: HetLoRA()),
        Subject(name: "flora", strategy: FLoRA()),
        Subject(name: "fedex-lora", strategy: FedExLoRA()),
        Subject(name: "fedsa-lora", strategy: FedSALoRA()),
        Subject(name: "rolora-odd", strategy: RoLoRA()),
        Subject(name: "rolora-even", strategy: RoLoRA(), round: RoundContext(number: 2)),
        Subject(name: "fedsvd", strategy: FedSVD()),
        Subject(name: "lora-fair", strategy: LoRAFAIR()),
        Subject(name: "lora-fair-0.5", strategy: LoRAFAIR(penalty: 0.5)),
        Subject(name: "rbla", strategy: RBLA()),
        Subject(name: "raflora", strategy: RaFLoRA()),
        Subject(name: "fed-sb", strategy: FedSB()),
    ]

    /// Factors are rounded to 32 bits once or twice, 6e-8 each, and products of them a few times.
    private static let tolerance = 1e-6

    private func adapter(_ modules: [String: Module], _ head: [Float]) -> LoRAAdapter {
        LoRAAdapter(
            modules: modules.mapValues(\.module),
            savedTensors: ["head.bias": DenseTensor(shape: [head.count], elements: head)]
        )
    }

    private func expect(_ found: Matrix?, _ values: [Double]?, _ comment: Comment) throws {
        guard let values else { return }
        let found = ReferenceMatrix(try #require(found, comment))
        var reference = found
        reference.elements = values
        #expect(found.relativeDistance(to: reference) < Self.tolerance, comment)
    }

    @Test("agrees with NumPy on random cohorts, at every rank that is handed out", arguments: subjects)
    func agrees(_ subject: Subject) throws {
        let url = try #require(
            Bundle.module.url(forResource: "reference", withExtension: "json", subdirectory: "Fixtures")
        )
        let cases = try JSONDecoder().decode(File.self, from: Data(contentsOf: url)).cases
        var compared = 0
        for test in cases {
            guard let expected = test.expected[subject.name] else { continue }
            let global = adapter(test.start.modules, test.start.head)
            let updates = test.updates.map {
                ClientUpdate(client: ClientID($0.client), weight: $0.weight, adapter: adapter($0.modules, $0.head))
            }
            let next = try CohortAggregation(strategy: subject.strategy)
                .nextGlobal(from: global, updates: updates, round: subject.round)
            for (path, expectation) in expected {
                let module = try #require(next.modules[path])
                try expect(module.a, expectation.a, "A, \(test.name), \(path)")
                try expect(module.b, expectation.b, "B, \(test.name), \(path)")
                try expect(module.core, expectation.core, "R, \(test.name), \(path)")
                for (rank, values) in expectation.products {
                    let rank = try #require(Int(rank))
                    let handedOut = try subject.strategy.adapter(forRank: rank, from: next)
                    let found = try #require(handedOut.modules[path]).product
                    var reference = found
                    reference.elements = values
                    #expect(
                        found.relativeDistance(to: reference) < Self.tolerance,
                        "\(test.name), \(path), rank \(rank)"
                    )
                    compared += 1
                }
                if let values = expectation.residual {
                    let found = try #require(next.residual[path]).product
                    var reference = found
                    reference.elements = values
                    #expect(found.relativeDistance(to: reference) < Self.tolerance, "residual, \(test.name), \(path)")
                }
            }
            let averages = subject.strategy.profile.savedTensors == .averaged
            let head = try #require(next.savedTensors["head.bias"]).elements
            for (found, expected) in zip(head, averages ? test.expectedHead : test.start.head.map(Double.init)) {
                #expect(abs(Double(found) - expected) < 1e-6)
            }
        }
        #expect(compared > 0)
    }
}
