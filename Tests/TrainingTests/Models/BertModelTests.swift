import Adapters
import FederatedLearning
import Foundation
import LinearAlgebra
import TestSupport
import Testing

@testable import Training

@Suite("BERT against PyTorch and PEFT", .tags(.numerics))
struct BertModelTests {
    let model: BertModel
    let reference: TinyReference

    init() throws {
        BLASThreads.useCallingThreadOnly()
        model = try Fixture.tinyModel()
        reference = try TinyReference()
    }

    private func active(_ adapter: LoRAAdapter) throws -> ActiveAdapter {
        let layout = try AdapterLayout(adapter: adapter, model: model.adaptable, labelCount: 3)
        return ActiveAdapter(layout: layout, parameters: layout.flatten(adapter))
    }

    @Test("computes the logits of ragged texts, whether packed together or alone")
    func logits() throws {
        let adapter = try active(reference.adapter("adapter"))
        let expected = try reference.floats("logits")
        var packed = PackedTexts()
        for text in TinyReference.texts { packed.append(text) }
        var workspace = BertWorkspace(layerCount: 2, recording: false)
        model.run(packed, adapter: BatchAdapter(adapter, over: packed), in: &workspace)
        #expect(relativeDifference(workspace.head.logits, expected) < 1e-5)

        // Buffers that have held larger texts must not shine through.
        for (index, text) in TinyReference.texts.enumerated() {
            packed.removeAll()
            packed.append(text)
            model.run(packed, adapter: BatchAdapter(adapter, over: packed), in: &workspace)
            #expect(relativeDifference(workspace.head.logits, Array(expected[index * 3..<index * 3 + 3])) < 1e-5)
        }
    }

    @Test("computes the loss and the gradient of every adapted layer and the head", arguments: [1, 2, 3, 5])
    func gradients(shards: Int) throws {
        let adapter = try active(reference.adapter("adapter"))
        var gradient: [Float] = []
        var pass = ShardedPass(model: model, threads: 2)
        let loss = pass.run(TinyReference.shards(shards), adapter: adapter, gradient: &gradient)
        #expect(abs(Float(loss) - (try reference.floats("loss")[0])) < 1e-6)

        let found = adapter.layout.adapter(from: gradient)
        let expected = try reference.adapter("gradient")
        #expect(Set(found.modules.keys) == Set(expected.modules.keys))
        #expect(found.modules.count == 13)
        for (path, module) in expected.modules {
            // The largest gradient is 0.34; 2e-6 is some 50 units in its last place.
            #expect(relativeDifference(found.modules[path]?.a.elements ?? [], module.a.elements) < 2e-6, "\(path) A")
            #expect(relativeDifference(found.modules[path]?.b.elements ?? [], module.b.elements) < 2e-6, "\(path) B")
        }
        for (name, tensor) in expected.savedTensors {
            #expect(relativeDifference(found.savedTensors[name]?.elements ?? [], tensor.elements) < 2e-6, "\(name)")
        }
    }

    struct Rule: Sendable, CustomTestStringConvertible {
        let name: String
        let settings: JobConfiguration.Training
        let steps: Int

        var testDescription: String { name }
    }

    @Test(
        "takes the steps that torch.optim takes",
        arguments: [
            Rule(name: "adamw", settings: .init(optimizer: .adamw, learningRate: 1e-2, weightDecay: 0.1), steps: 1),
            Rule(
                name: "sgd",
                settings: .init(optimizer: .sgd, learningRate: 1e-2, weightDecay: 0.1, momentum: 0.9),
                steps: 2
            ),
        ]
    )
    func optimizerSteps(_ rule: Rule) throws {
        var adapter = try active(reference.adapter("adapter"))
        var optimizer = LocalOptimizer(rule.settings, count: adapter.layout.count)
        var pass = ShardedPass(model: model, threads: 1)
        var gradient: [Float] = []
        for _ in 0..<rule.steps {
            _ = pass.run(TinyReference.shards(1), adapter: adapter, gradient: &gradient)
            optimizer.step(&adapter.parameters, gradient: gradient)
        }
        let found = adapter.layout.adapter(from: adapter.parameters)
        let expected = try reference.adapter(rule.name)
        // AdamW's first step is ±η wherever the gradient is well above ε, and may differ where it is not.
        let tolerance: Float = 2e-6
        for (path, module) in expected.modules {
            #expect(
                relativeDifference(found.modules[path]?.a.elements ?? [], module.a.elements) < tolerance,
                "\(path) A"
            )
            #expect(
                relativeDifference(found.modules[path]?.b.elements ?? [], module.b.elements) < tolerance,
                "\(path) B"
            )
        }
        for (name, tensor) in expected.savedTensors {
            #expect(
                relativeDifference(found.savedTensors[name]?.elements ?? [], tensor.elements) < tolerance,
                "\(name)"
            )
        }
    }

    @Test(
        "computes the logits of real texts with the real model",
        .enabled(if: Cache.hasModel, Cache.absence)
    )
    func realModel() throws {
        struct Case: Decodable {
            let text: String
            let logits: [Float]
        }
        let directory = try BaseModelDirectory(reading: Cache.model)
        let model = try Fixture.bert(at: Cache.model)
        let tokenizer = try WordPieceTokenizer(modelFolder: Cache.model)
        let adapter = try Self.formulaAdapter(for: directory)
        let layout = try AdapterLayout(adapter: adapter, model: model.adaptable, labelCount: 5)
        let active = ActiveAdapter(layout: layout, parameters: layout.flatten(adapter))
        let cases: [Case] = try Fixture.lines("minilm-logits.jsonl")
        var texts = PackedTexts()
        for test in cases { texts.append(tokenizer.encode(test.text, maximumLength: 64)) }
        var workspace = BertWorkspace(layerCount: 6, recording: false)
        model.run(texts, adapter: BatchAdapter(active, over: texts), in: &workspace)
        #expect(cases.count == 32)
        let difference = relativeDifference(workspace.head.logits, cases.flatMap(\.logits))
        #expect(difference < 1e-4)
    }

    /// The adapter of `make_minilm_fixture.py`.
    private static func formulaAdapter(for directory: BaseModelDirectory) throws -> LoRAAdapter {
        func wave(
            _ f: (Double) -> Double,
            _ shape: (Int, Int),
            _ row: Double,
            _ column: Double,
            _ phase: Double,
            _ size: Double
        ) -> [Float] {
            (0..<shape.0).flatMap { i in
                (0..<shape.1).map { j in Float(size * f(row * Double(i) + column * Double(j) + phase)) }
            }
        }
        var adapter = LoRAAdapter(
            modules: [:],
            savedTensors: [
                "classifier.weight": DenseTensor(shape: [5, 384], elements: wave(sin, (5, 384), 0.5, 0.11, 0, 0.3)),
                "classifier.bias": DenseTensor(shape: [5], elements: (0..<5).map { Float($0) * 0.1 }),
            ]
        )
        let layers = try directory.layers(targetedBy: .names(["query", "value"])).sorted { $0.path < $1.path }
        for (number, layer) in layers.enumerated() {
            adapter.modules[layer.path] = LoRAModule(
                a: Matrix(rows: 4, columns: 384, elements: wave(sin, (4, 384), 0.7, 0.31, Double(number), 0.05)),
                b: Matrix(rows: 384, columns: 4, elements: wave(cos, (384, 4), 0.13, 0.9, Double(number), 0.05)),
                alpha: 8
            )
        }
        return adapter
    }
}
