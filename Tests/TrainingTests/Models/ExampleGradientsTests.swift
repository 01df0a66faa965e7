import Adapters
import LinearAlgebra
import TestSupport
import Testing

@testable import Training

@Suite("Gradients of single examples", .tags(.numerics))
struct ExampleGradientsTests {
    private let model: BertModel
    private let batch: TrainingBatch

    init() throws {
        BLASThreads.useCallingThreadOnly()
        model = try Fixture.tinyModel()
        batch = TinyReference.shards(1)[0]
    }

    private func active(_ isIncluded: (String) -> Bool = { _ in true }) throws -> ActiveAdapter {
        let adapter = try TinyReference().adapter("adapter", including: isIncluded)
        let layout = try AdapterLayout(adapter: adapter, model: model.adaptable, labelCount: 3)
        return ActiveAdapter(layout: layout, parameters: layout.flatten(adapter))
    }

    /// The gradient of each text, run alone.
    private func materialised(_ adapter: ActiveAdapter) -> [[Float]] {
        zip(TinyReference.texts, TinyReference.labels).map { text, label in
            var one = TrainingBatch()
            one.append(text, label: label)
            var gradient: [Float] = []
            var pass = ShardedPass(model: model, threads: 1)
            _ = pass.run([one], adapter: adapter, gradient: &gradient)
            return gradient
        }
    }

    private func isTrained(_ trained: TrainedFactors, in layout: AdapterLayout) -> [Bool] {
        var isTrained = [Bool](repeating: false, count: layout.count)
        for piece in layout.pieces {
            let counts =
                switch piece.source {
                case .a: trained.includesA
                case .b: trained.includesB
                case .saved: true
                }
            for index in piece.range { isTrained[index] = counts }
        }
        return isTrained
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var trained = TrainedFactors.both
        /// What the adapted paths contain.
        var paths = ""
    }

    @Test(
        "have the norms, and the clipped sum, of gradients that are materialised one by one",
        arguments: [
            Case(testDescription: "all seven kinds of layers"), Case(testDescription: "B alone", trained: .b),
            Case(testDescription: "A alone", trained: .a),
            Case(testDescription: "the upper layer", paths: "layer.1.attention.self"),
            Case(testDescription: "the pooler", paths: "pooler"), Case(testDescription: "the head", paths: "none"),
        ]
    )
    func reference(_ test: Case) throws {
        let adapter = try active { test.paths.isEmpty || $0.contains(test.paths) }
        let isTrained = isTrained(test.trained, in: adapter.layout)
        let gradients = materialised(adapter).map { gradient in
            zip(gradient, isTrained).map { $1 ? Double($0) : 0 }
        }
        let norms = gradients.map { $0.reduce(0) { $0 + $1 * $1 }.squareRoot() }
        // A bound that clips some and leaves others.
        let bound = norms.sorted()[2]
        let clipping = ExampleClipping(norm: bound, trained: test.trained)
        var worker = model.worker(recording: true)
        for _ in 0..<2 {
            let found = ExampleGradients(of: batch, adapter: adapter, clipping: clipping, by: &worker)
            for (norm, expected) in zip(found.norms, norms) { #expect(abs(norm - expected) < 1e-5 * max(1, expected)) }
            var expected = [Double](repeating: 0, count: adapter.layout.count)
            for (gradient, norm) in zip(gradients, norms) {
                for index in expected.indices { expected[index] += min(1, bound / norm) * gradient[index] }
            }
            #expect(relativeDifference(found.sum, expected.map(Float.init)) < 1e-5)
        }
    }

    @Test("sum to the gradient of the batch when none is clipped")
    func plainSum() throws {
        let adapter = try active()
        var gradient: [Float] = []
        var pass = ShardedPass(model: model, threads: 1)
        let loss = pass.run([batch], adapter: adapter, gradient: &gradient)
        let clipping = ExampleClipping(norm: .infinity, trained: .both)
        var worker = model.worker(recording: true)
        let found = ExampleGradients(of: batch, adapter: adapter, clipping: clipping, by: &worker)
        #expect(relativeDifference(found.sum.map { $0 / 5 }, gradient) < 1e-6)
        #expect(abs(found.loss / 5 - loss) < 1e-9)
    }

    @Test("have the norms of the cores' gradients where cores are trained")
    func cores() throws {
        var adapter = try TinyReference().adapter("adapter")
        var generator = CounterGenerator(seed: 2)
        for path in adapter.modules.keys.sorted() {
            guard let rank = adapter.modules[path]?.rank else { continue }
            adapter.modules[path]?.core = Matrix(gaussian: rank, rank, using: &generator, scale: 0.3)
        }
        let layout = try AdapterLayout(adapter: adapter, model: model.adaptable, labelCount: 3)
        let trained = try TrainableParameters(layout: layout, adapter: adapter, trained: .core)
        var active = ActiveAdapter(layout: layout, parameters: layout.flatten(adapter))
        trained.write(trained.initialValues(in: active.parameters), to: &active.parameters)
        let gradients = materialised(active).map { whole in
            var gradient: [Float] = []
            trained.gradient(of: whole, into: &gradient)
            return gradient.map(Double.init)
        }
        let norms = gradients.map { $0.reduce(0) { $0 + $1 * $1 }.squareRoot() }
        let clipping = ExampleClipping(norm: norms.sorted()[2], trained: .core, bases: trained.bases)
        var worker = model.worker(recording: true)
        let found = ExampleGradients(of: batch, adapter: active, clipping: clipping, by: &worker)
        for (norm, expected) in zip(found.norms, norms) { #expect(abs(norm - expected) < 1e-5 * max(1, expected)) }
        var expected = [Double](repeating: 0, count: trained.count)
        for (gradient, norm) in zip(gradients, norms) {
            for index in expected.indices { expected[index] += min(1, clipping.norm / norm) * gradient[index] }
        }
        var sum: [Float] = []
        trained.gradient(of: found.sum, into: &sum)
        #expect(relativeDifference(sum, expected.map(Float.init)) < 1e-5)
    }

    @Test("are those of mean losses over tokens where the targets are the next tokens", arguments: ["", "1.mlp"])
    func decoder(paths: String) throws {
        let llama = try TinyLlama()
        let adapter = try llama.active(llama.adapter("adapter") { paths.isEmpty || $0.contains(paths) })
        let batch = TinyLlama.shards(1)[0]
        let gradients = TinyLlama.texts.map { text in
            var gradient: [Float] = []
            var pass = ShardedPass(model: llama.model, threads: 1)
            _ = pass.run(TinyLlama.shards(1, of: [text]), adapter: adapter, gradient: &gradient)
            return gradient.map(Double.init)
        }
        let norms = gradients.map { $0.reduce(0) { $0 + $1 * $1 }.squareRoot() }
        let clipping = ExampleClipping(norm: norms.sorted()[2], trained: .both)
        var worker = llama.model.worker(recording: true)
        let found = ExampleGradients(of: batch, adapter: adapter, clipping: clipping, by: &worker)
        for (norm, expected) in zip(found.norms, norms) { #expect(abs(norm - expected) < 1e-4 * max(1, expected)) }
        var expected = [Double](repeating: 0, count: adapter.layout.count)
        for (gradient, norm) in zip(gradients, norms) {
            for index in expected.indices { expected[index] += min(1, clipping.norm / norm) * gradient[index] }
        }
        #expect(relativeDifference(found.sum, expected.map(Float.init)) < 1e-4)
    }
}
