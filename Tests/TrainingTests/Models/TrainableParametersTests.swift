import Adapters
import LinearAlgebra
import TestSupport
import Testing

@testable import Training

@Suite("Trained numbers")
struct TrainableParametersTests {
    /// Query and value of the small model at rank 3, every number different from 0, and a head.
    static func adapter(withCores: Bool = false) throws -> LoRAAdapter {
        let directory = try BaseModelDirectory(reading: Fixture.url("tiny-bert"))
        var adapter = LoRAAdapter.initial(
            for: try directory.layers(targetedBy: .names(["query", "value"])),
            rank: 3,
            alpha: 6,
            head: ClassificationHead(labelCount: 3, hiddenSize: 32),
            seed: 4
        )
        var generator = CounterGenerator(seed: 5)
        for path in adapter.modules.keys.sorted() {
            guard var module = adapter.modules[path] else { continue }
            module.b = Matrix(gaussian: module.outputWidth, 3, using: &generator, scale: 0.2)
            if withCores { module.core = Matrix(gaussian: 3, 3, using: &generator) }
            adapter.modules[path] = module
        }
        return adapter
    }

    private static func layout(of adapter: LoRAAdapter) throws -> AdapterLayout {
        try AdapterLayout(adapter: adapter, model: Fixture.tinyModel().adaptable, labelCount: 3)
    }

    @Test("leaves frozen factors out, so that they keep their bits", arguments: [TrainedFactors.a, .b, .both])
    func frozen(_ trained: TrainedFactors) throws {
        let adapter = try Self.adapter()
        let layout = try Self.layout(of: adapter)
        let parameters = try TrainableParameters(layout: layout, adapter: adapter, trained: trained)
        var flat = layout.flatten(adapter)
        let values = parameters.initialValues(in: flat).map { $0 + 1 }
        parameters.write(values, to: &flat)
        let changed = parameters.adapter(values)
        #expect(changed == layout.adapter(from: flat))
        for (path, module) in adapter.modules {
            let found = try #require(changed.modules[path])
            #expect((found.a == module.a) == !trained.includesA)
            #expect((found.b == module.b) == !trained.includesB)
        }
        #expect(changed.savedTensors["classifier.bias"] != adapter.savedTensors["classifier.bias"])
        let gradient = layout.flatten(adapter)
        var selected: [Float] = []
        parameters.gradient(of: gradient, into: &selected)
        #expect(selected == parameters.initialValues(in: gradient))
    }

    @Test("shows the model B·R where cores are trained, and takes Bᵀ·dB for their gradient")
    func cores() throws {
        let adapter = try Self.adapter(withCores: true)
        let layout = try Self.layout(of: adapter)
        let parameters = try TrainableParameters(layout: layout, adapter: adapter, trained: .core)
        var flat = layout.flatten(adapter)
        #expect(layout.adapter(from: flat).modules.mapValues(\.b) == adapter.modules.mapValues { $0.withoutCore.b })
        // Nothing changes when the same cores are written again.
        let before = flat
        parameters.write(parameters.initialValues(in: flat), to: &flat)
        #expect(flat == before)
        #expect(parameters.adapter(parameters.initialValues(in: flat)) == adapter)

        // L = Σ g·(B·R) has the gradient Bᵀ·g in R: compared with the definition, one core after the other.
        var generator = CounterGenerator(seed: 6)
        let g = flat.map { _ in Float(generator.gaussian()) }
        var gradient: [Float] = []
        parameters.gradient(of: g, into: &gradient)
        let values = parameters.initialValues(in: flat)
        func loss(_ values: [Float]) -> Double {
            var moved = flat
            parameters.write(values, to: &moved)
            return zip(moved, g).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        }
        for index in stride(from: 0, to: values.count, by: 7) {
            var up = values
            var down = values
            up[index] += 0.5
            down[index] -= 0.5
            #expect(abs(loss(up) - loss(down) - Double(gradient[index])) < 2e-4)
        }
    }

    @Test("refuses to train cores that are not there")
    func missingCores() throws {
        let adapter = try Self.adapter()
        let layout = try Self.layout(of: adapter)
        #expect(throws: TrainingError.self) {
            try TrainableParameters(layout: layout, adapter: adapter, trained: .core)
        }
    }
}
