import Adapters
import Foundation
import LinearAlgebra
import TestSupport
import Testing

@testable import AdapterTools

@Suite("Merging adapters")
struct AdapterMergeTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let method: AdapterMerge.Method
        let adapters: [String]
        let weights: [Double]
        var density = 1.0
        var rank: Int?

        var testDescription: String { method.rawValue }
    }

    static let cases = [
        Case(method: .linear, adapters: ["one", "two"], weights: [0.7, -0.3]),
        Case(method: .cat, adapters: ["one", "two"], weights: [0.7, -0.3]),
        Case(method: .svd, adapters: ["one", "wide"], weights: [0.7, 0.5], rank: 3),
        Case(method: .ties, adapters: ["one", "two"], weights: [1, 0.6], density: 0.5),
        Case(method: .magnitudePrune, adapters: ["one", "two"], weights: [1, 0.6], density: 0.3),
        Case(method: .dareLinear, adapters: ["one", "two"], weights: [1, 0.6], density: 0.5),
        Case(method: .dareTies, adapters: ["one", "two"], weights: [1, 0.6], density: 0.6),
    ]

    private static func contributions(_ names: [String], _ weights: [Double]) throws -> [AdapterMerge.Contribution] {
        try zip(names, weights).map { name, weight in
            AdapterMerge.Contribution(name: name, directory: try Fixture.adapter(name), weight: weight)
        }
    }

    /// s·BA.
    private static func change(_ module: LoRAModule) -> Matrix { Float(module.scaling) * (module.b * module.a) }

    @Test("gives what peft's add_weighted_adapter gives", .tags(.numerics), arguments: Self.cases)
    func reference(_ test: Case) throws {
        let masks = try Fixture.masks()[test.method.rawValue]
        let merge = try AdapterMerge(test.method, rank: test.rank, density: test.density) { factor, contribution, _ in
            masks?[factor]?[contribution] ?? []
        }
        let result = try merge.merging(Self.contributions(test.adapters, test.weights))
        let expected = try Fixture.merged(test.method.rawValue)
        #expect(Set(result.adapter.modules.keys) == Set(expected.adapter.modules.keys))
        #expect(result.configuration.targetModules == expected.configuration.targetModules)
        for (path, module) in result.adapter.modules {
            let reference = try #require(expected.adapter.modules[path])
            #expect(module.rank == reference.rank && module.scaling == 1 && reference.scaling == 1)
            let difference = Self.change(module) - Self.change(reference)
            #expect(difference.frobeniusNorm < 1e-5 * Self.change(reference).frobeniusNorm)
            // Singular vectors have a sign to choose; the factors of the other methods are the same numbers.
            guard test.method != .svd else { continue }
            #expect((module.a - reference.a).frobeniusNorm < 1e-6 * reference.a.frobeniusNorm)
            #expect((module.b - reference.b).frobeniusNorm < 1e-6 * reference.b.frobeniusNorm)
        }
    }

    @Test("a rank below the method's own keeps the largest singular values")
    func cutting() throws {
        let contributions = try Self.contributions(["one", "two"], [1, 0.5])
        let whole = try AdapterMerge(.linear).merging(contributions)
        let cut = try AdapterMerge(.linear, rank: 2).merging(contributions)
        for (path, module) in cut.adapter.modules {
            let spectrum = try LayerSpectrum(of: #require(whole.adapter.modules[path]), at: path)
            let kept = try LayerSpectrum(of: module, at: path)
            #expect(kept.singularValues.count == 2)
            for (value, reference) in zip(kept.singularValues, spectrum.singularValues) {
                #expect(abs(value - reference) < 1e-5 * spectrum.norm)
            }
        }
        #expect(throws: AdapterToolsError.self) { try AdapterMerge(.linear, rank: 5).merging(contributions) }
        #expect(throws: AdapterToolsError.self) { try AdapterMerge(.svd, rank: 13).merging(contributions) }
    }

    @Test("rsLoRA becomes plain scaling, and the change stays")
    func rankStabilized() throws {
        let merged = try AdapterMerge(.cat).merging(Self.contributions(["stable"], [1]))
        #expect(!merged.configuration.usesRankStabilizedScaling)
        for (path, module) in try Fixture.adapter("stable").adapter.modules {
            let result = try #require(merged.adapter.modules[path])
            #expect(
                (Self.change(result) - Self.change(module)).frobeniusNorm < 1e-6 * Self.change(module).frobeniusNorm
            )
        }
    }

    @Test("DARE keeps the share that it is told, the same for the same seed, and no more than the expected value")
    func seeds() throws {
        let contributions = try Self.contributions(["one"], [1])
        let results = try [1, 1, 2].map {
            try AdapterMerge(.dareLinear, density: 0.5, seed: $0).merging(contributions).adapter
        }
        #expect(results[0] == results[1] && results[0] != results[2])
        let zeros = results[0].modules.values.reduce(0) { $0 + $1.a.elements.count { $0 == 0 } }
        let count = results[0].modules.values.reduce(0) { $0 + $1.a.count }
        // 192 draws of probability ½: five standard deviations are 35.
        #expect(abs(zeros - count / 2) <= 35)
    }

    @Test("heads are averaged by weight, whatever the factors do")
    func heads() throws {
        func directory(_ value: Float) -> PEFTDirectory {
            var adapter = LoRAAdapter.sample(fillsB: true)
            adapter.savedTensors["classifier.bias"] = DenseTensor(
                shape: [8],
                elements: .init(repeating: value, count: 8)
            )
            return PEFTDirectory(
                configuration: PEFTConfiguration(
                    rank: 4,
                    alpha: 8,
                    targetModules: .names(["query", "value"]),
                    modulesToSave: ["classifier"]
                ),
                adapter: adapter
            )
        }
        func merged(_ weights: [Double]) throws -> [Float]? {
            try AdapterMerge(.linear).merging([
                .init(name: "a", directory: directory(1), weight: weights[0]),
                .init(name: "b", directory: directory(5), weight: weights[1]),
            ]).adapter.savedTensors["classifier.bias"]?.elements
        }
        #expect(try merged([3, 1]) == .init(repeating: 2, count: 8))
        #expect(throws: AdapterToolsError.self) { try merged([1, -1]) }
    }

    @Test("refuses other ranks, densities and shapes by name")
    func refusals() throws {
        let mixed = try Self.contributions(["one", "wide"], [1, 1])
        let error = #expect(throws: AdapterToolsError.self) { try AdapterMerge(.ties, density: 0.5).merging(mixed) }
        #expect(error?.description.contains("Use svd or cat") == true)
        for density in [0, -1, 1.5, Double.nan] {
            #expect(throws: AdapterToolsError.self) { try AdapterMerge(.ties, density: density) }
        }
        #expect(throws: AdapterToolsError.self) { try AdapterMerge(.svd).merging([]) }
        let endless = try Self.contributions(["one"], [.infinity])
        #expect(throws: AdapterToolsError.self) { try AdapterMerge(.svd).merging(endless) }
    }
}
