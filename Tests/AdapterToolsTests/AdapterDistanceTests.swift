import Adapters
import LinearAlgebra
import TestSupport
import Testing

@testable import AdapterTools

@Suite("Distances between adapters")
struct AdapterDistanceTests {
    @Test("distances, cosines and angles are those of dense matrices in NumPy", .tags(.numerics))
    func measures() throws {
        for (pair, layers) in try Fixture.measures().pairs {
            let names = pair.split(separator: " ").map(String.init)
            let distance = try AdapterDistance(
                between: Fixture.adapter(names[0]).adapter,
                and: Fixture.adapter(names[1]).adapter
            )
            #expect(Set(distance.layers.map(\.path)) == Set(layers.keys))
            for layer in distance.layers {
                let expected = try #require(layers[layer.path])
                #expect(
                    abs((layer.relativeDistance ?? 0) - expected.relativeDistance) < 1e-6 * expected.relativeDistance
                )
                #expect(abs((layer.cosine ?? 0) - expected.cosine) < 1e-6)
                for (angles, references) in [
                    (layer.inputAngles, expected.inputAngles), (layer.outputAngles, expected.outputAngles),
                ] {
                    #expect(angles.count == references.count)
                    // Bases have 24 bits: 10⁻⁶ radians are 6·10⁻⁵ degrees, and a small gap in the spectrum costs one digit.
                    for (angle, reference) in zip(angles, references) { #expect(abs(angle - reference) < 2e-3) }
                }
            }
        }
    }

    @Test("an adapter is nowhere from itself, whatever its factors are")
    func same() throws {
        let adapter = LoRAAdapter.sample(fillsB: true)
        var turned = adapter
        for path in turned.modules.keys {
            turned.modules[path]?.a.scale(by: -4)
            turned.modules[path]?.b.scale(by: -0.25)
        }
        let distance = try AdapterDistance(between: adapter, and: turned)
        #expect((distance.relativeDistance ?? 1) < 1e-7 && abs((distance.cosine ?? 0) - 1) < 1e-12)
        // Sines, not cosines, give small angles: arccos of a rounded 1 would be 0.02 degrees.
        for layer in distance.layers {
            #expect((layer.inputAngles + layer.outputAngles).allSatisfy { $0 < 1e-3 })
            #expect(abs((layer.inputOverlap ?? 0) - 1) < 1e-6)
        }
        #expect(distance.savedTensors.allSatisfy { $0.distance == 0 })
        #expect(distance.onlyInFirst.isEmpty && distance.onlyInSecond.isEmpty)
    }

    @Test("orthogonal subspaces stand at 90 degrees")
    func orthogonal() throws {
        func adapter(_ place: Int) -> LoRAAdapter {
            var (a, b) = (Matrix(rows: 1, columns: 4), Matrix(rows: 3, columns: 1))
            a[0, place] = 2
            b[place, 0] = 1
            return LoRAAdapter(modules: ["q": LoRAModule(a: a, b: b, alpha: 1)])
        }
        let distance = try AdapterDistance(between: adapter(0), and: adapter(1))
        let layer = distance.layers[0]
        #expect(abs(layer.inputAngles[0] - 90) < 1e-9 && (layer.outputOverlap ?? 1) < 1e-12)
        #expect(abs(layer.cosine ?? 1) < 1e-12 && abs(distance.distance - 8.0.squareRoot()) < 1e-12)
    }

    @Test("layers of one of the two are listed, and two shapes or no common layer refused")
    func differences() throws {
        let first = LoRAAdapter.sample(fillsB: true)
        var second = first
        let path = try #require(first.modules.keys.sorted().first)
        second.modules["other"] = second.modules.removeValue(forKey: path)
        second.savedTensors["classifier.bias"] = nil
        let distance = try AdapterDistance(between: first, and: second)
        #expect(distance.onlyInFirst == [path, "classifier.bias"].sorted() && distance.onlyInSecond == ["other"])

        second.modules = ["other": try #require(first.modules[path])]
        #expect(throws: AdapterToolsError.nothingInCommon) { try AdapterDistance(between: first, and: second) }
        second.modules = [path: LoRAModule(a: Matrix(rows: 1, columns: 3), b: Matrix(rows: 8, columns: 1), alpha: 1)]
        #expect(throws: AdapterToolsError.differentShapes(name: path, [8, 8], [8, 3])) {
            try AdapterDistance(between: first, and: second)
        }
    }
}
