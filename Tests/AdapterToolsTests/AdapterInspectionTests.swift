import Adapters
import Foundation
import LinearAlgebra
import TestSupport
import Testing

@testable import AdapterTools

@Suite("Inspecting adapters")
struct AdapterInspectionTests {
    /// Factors have 24 bits, so singular values agree to about 10⁻⁶ of the largest.
    private static let tolerance = 1e-5

    @Test("norms, spectra and effective ranks are those of dense matrices in NumPy", .tags(.numerics))
    func measures() throws {
        for (name, layers) in try Fixture.measures().layers {
            let inspection = try AdapterInspection(of: Fixture.adapter(name).adapter)
            #expect(Set(inspection.layers.map(\.path)) == Set(layers.keys))
            for layer in inspection.layers {
                let expected = try #require(layers[layer.path])
                #expect(abs(layer.norm - expected.norm) < Self.tolerance * expected.norm)
                #expect(abs((layer.effectiveRank ?? 0) - expected.effectiveRank) < Self.tolerance * 10)
                #expect(layer.singularValues.count == expected.singularValues.count)
                for (value, reference) in zip(layer.singularValues, expected.singularValues) {
                    #expect(abs(value - reference) < Self.tolerance * expected.norm)
                }
            }
        }
    }

    @Test("counts numbers, names saved tensors, and lists layer 2 before layer 10")
    func outline() throws {
        var adapter = LoRAAdapter.sample(fillsB: true)
        let module = try #require(adapter.modules.values.first)
        adapter.modules = ["layer.10.q": module, "layer.2.q": module]
        let inspection = try AdapterInspection(of: adapter)
        #expect(inspection.layers.map(\.path) == ["layer.2.q", "layer.10.q"])
        #expect(inspection.savedTensors.map(\.name) == ["classifier.bias", "classifier.weight"])
        #expect(inspection.parameterCount == 2 * 2 * 4 * 8 + 8 * 8 + 8)
        #expect(inspection.layers[0].scaling == 2 && inspection.layers[0].rank == 4)
    }

    @Test("an adapter that changes nothing has no effective rank")
    func fresh() throws {
        let inspection = try AdapterInspection(of: .sample())
        #expect(inspection.layers.allSatisfy { $0.norm == 0 && $0.effectiveRank == nil })
        #expect(inspection.layers.allSatisfy { $0.singularValues == [0, 0, 0, 0] })
    }

    @Test("a layer with NaN is named")
    func notFinite() throws {
        var adapter = LoRAAdapter.sample(fillsB: true)
        let path = try #require(adapter.modules.keys.first)
        adapter.modules[path]?.a[0, 0] = .nan
        let error = #expect(throws: AdapterToolsError.self) { try AdapterInspection(of: adapter) }
        #expect(error?.description.contains(path) == true)
    }
}
