import Adapters
import FederatedLearning
import Foundation
import LinearAlgebra
import TestSupport
import Testing

@testable import Training

@Suite("PiSSA", .tags(.numerics))
struct PrincipalAdapterTests {
    /// What PEFT computed (`make_pissa_fixture.py`): query at r = 3, α = 12, rsLoRA.
    private struct Reference: Decodable {
        let product: [Float]
        let singularValuesOfA: [Float]
        let singularValuesOfB: [Float]

        enum CodingKeys: String, CodingKey {
            case product
            case singularValuesOfA = "singular_values_of_a"
            case singularValuesOfB = "singular_values_of_b"
        }
    }

    private let directory: BaseModelDirectory

    init() throws {
        BLASThreads.useCallingThreadOnly()
        directory = try BaseModelDirectory(reading: Fixture.url("tiny-bert"))
    }

    private func initial(_ rank: Int = 3, _ initialization: AdapterInitialization = .pissa) throws -> LoRAAdapter {
        var adapter = LoRAAdapter.initial(
            for: try directory.layers(targetedBy: .names(["query"])),
            rank: rank,
            alpha: 12,
            usesRankStabilizedScaling: true,
            initialization: initialization,
            head: ClassificationHead(labelCount: 3, hiddenSize: 32),
            seed: 1
        )
        if initialization == .pissa { try adapter.takePrincipalParts(of: directory) }
        return adapter
    }

    @Test("takes the principal part that PEFT takes, and leaves the rest to the base model")
    func reference() throws {
        let adapter = try initial()
        let data = try Data(contentsOf: Fixture.url("tiny-bert-pissa.json"))
        let expected = try JSONDecoder().decode([String: Reference].self, from: data)
        #expect(Set(adapter.modules.keys) == Set(expected.keys) && expected.count == 2)
        for (path, expected) in expected {
            let module = try #require(adapter.modules[path])
            // Singular vectors are determined up to their sign, their product entirely.
            let product = Float(module.scaling) * (module.b * module.a)
            #expect(relativeDifference(product.elements, expected.product) < 1e-5)
            for (factor, values) in [(module.a, expected.singularValuesOfA), (module.b, expected.singularValuesOfB)] {
                let found = try SingularValueDecomposition(of: factor).singularValues.map(Float.init)
                #expect(relativeDifference(found, values) < 1e-5)
            }
            let residual = try #require(adapter.residual[path])
            #expect(residual.a == module.a && residual.b == Float(-module.scaling) * module.b && residual.scaling == 1)
        }
    }

    @Test("travels as it is, what the base model is to lose included, at a scale that is not 1")
    func payload() throws {
        let adapter = try initial()
        #expect(adapter.modules.values.allSatisfy { $0.scaling != 1 })
        let handed = try AdapterPayload.adapter(
            from: AdapterPayload.bytes(of: adapter),
            rank: 3,
            alpha: 12,
            usesRankStabilizedScaling: true,
            source: "the server"
        )
        #expect(handed == adapter)
    }

    @Test("leaves what the model says as it is until the first step")
    func unchanged() async throws {
        let rows = ["film b", "good bad film", "x yz"].enumerated().map {
            DataFile.Row(line: $0 + 1, text: $1, label: .index(0), split: $0 == 0 ? .train : .test, document: nil)
        }
        let trainer = try NativeTrainer(
            directory: directory,
            file: DataFile(path: "silo.jsonl", rows: rows),
            client: "berlin",
            threads: 1
        )
        let task = TrainingTask(labels: ["a", "e", "i"], settings: .init(maximumLength: 12))
        let plain = try await trainer.predictions(initial(3, .kaiming), task: task)
        let principal = try await trainer.predictions(initial(), task: task)
        for (plain, principal) in zip(plain, principal) {
            #expect(relativeDifference(principal.logits, plain.logits) < 1e-5)
        }
        #expect(try initial().modules != initial(3, .kaiming).modules)
    }

    @Test("refuses a rank that a layer does not have")
    func rank() throws {
        let error = #expect(throws: AdapterError.self) { try initial(33) }
        #expect(error?.description.contains("at most 32") == true)
    }
}
