import Adapters
import LinearAlgebra
import TestSupport
import Testing

@testable import Training

/// The way back stops at the lowest adapted place, so each place can be the lowest; PyTorch's fixture covers only one case.
@Suite("Gradients by central differences", .tags(.numerics))
struct GradientTests {
    struct Adapted: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// The ends of the paths that are adapted.
        let modules: [String]
        var dropout: Float = 0
    }

    @Test(
        "match, whichever layers are adapted",
        arguments: [
            Adapted(testDescription: "the head alone", modules: []),
            Adapted(testDescription: "the pooler", modules: ["pooler.dense"]),
            Adapted(testDescription: "the last output", modules: ["layer.1.output.dense"]),
            Adapted(testDescription: "the last intermediate", modules: ["layer.1.intermediate.dense"]),
            Adapted(testDescription: "the last attention output", modules: ["layer.1.attention.output.dense"]),
            Adapted(testDescription: "the last query", modules: ["layer.1.attention.self.query"]),
            Adapted(testDescription: "the last key", modules: ["layer.1.attention.self.key"]),
            Adapted(testDescription: "the last value", modules: ["layer.1.attention.self.value"]),
            Adapted(testDescription: "the first output", modules: ["layer.0.output.dense"]),
            Adapted(
                testDescription: "the first intermediate and the pooler",
                modules: ["layer.0.intermediate.dense", "pooler.dense"]
            ),
            Adapted(testDescription: "the first attention output", modules: ["layer.0.attention.output.dense"]),
            Adapted(
                testDescription: "the first query and the last value",
                modules: ["0.attention.self.query", "1.attention.self.value"]
            ),
            Adapted(testDescription: "the first key", modules: ["layer.0.attention.self.key"]),
            Adapted(testDescription: "all queries and values", modules: ["query", "value"]),
            Adapted(testDescription: "all queries and values with dropout", modules: ["query", "value"], dropout: 0.3),
            Adapted(
                testDescription: "everything with dropout",
                modules: ["query", "key", "value", "dense"],
                dropout: 0.2
            ),
        ]
    )
    func centralDifferences(_ test: Adapted) throws {
        let model = try Fixture.tinyModel()
        let adapter = try TinyReference().adapter("adapter") { path in
            test.modules.contains { path.hasSuffix($0) }
        }
        #expect(adapter.modules.isEmpty == test.modules.isEmpty)
        let layout = try AdapterLayout(adapter: adapter, model: model.adaptable, labelCount: 3)
        var active = ActiveAdapter(layout: layout, parameters: layout.flatten(adapter))
        if test.dropout > 0 { active.dropout = .init(probability: test.dropout, seed: 5) }
        let shards = TinyReference.shards(2)
        var pass = ShardedPass(model: model, threads: 1)
        let differences = CentralDifferences(of: &pass, on: shards, at: active, step: 1 / 16, directions: 4)
        for (measured, found) in differences.slopes {
            // Losses near 1 are known to some 5e-7, so slopes to 1e-5. One module's share of a slope is about 1e-2.
            #expect(abs(measured - found) < 5e-5, "\(measured) by differences, \(found) found")
        }
    }

    @Test("are the same, bit for bit, on any number of threads", arguments: [2, 3, 8])
    func threads(count: Int) throws {
        let model = try Fixture.tinyModel()
        let adapter = try TinyReference().adapter("adapter")
        let layout = try AdapterLayout(adapter: adapter, model: model.adaptable, labelCount: 3)
        let active = ActiveAdapter(layout: layout, parameters: layout.flatten(adapter))
        let shards = TinyReference.shards(5)
        var (alone, together): ([Float], [Float]) = ([], [])
        var single = ShardedPass(model: model, threads: 1)
        var several = ShardedPass(model: model, threads: count)
        #expect(
            single.run(shards, adapter: active, gradient: &alone)
                == several.run(shards, adapter: active, gradient: &together)
        )
        #expect(alone == together)
    }

    @Test("are the same when a batch goes through in several waves of shards")
    func waves() throws {
        let model = try Fixture.tinyModel()
        let adapter = try TinyReference().adapter("adapter")
        let layout = try AdapterLayout(adapter: adapter, model: model.adaptable, labelCount: 3)
        let active = ActiveAdapter(layout: layout, parameters: layout.flatten(adapter))
        // 21 shards are three waves; the mean over so many copies is the mean over one.
        let copies = Array(repeating: TinyReference.shards(1), count: 21).flatMap { $0 }
        var (once, often): ([Float], [Float]) = ([], [])
        var pass = ShardedPass(model: model, threads: 2)
        let loss = pass.run(TinyReference.shards(1), adapter: active, gradient: &once)
        #expect(abs(pass.run(copies, adapter: active, gradient: &often) - loss) < 1e-9)
        #expect(relativeDifference(often, once) < 1e-6)
    }

    @Test("drop other elements in another shard and another layer")
    func dropoutMasks() throws {
        let model = try Fixture.tinyModel()
        let adapter = try TinyReference().adapter("adapter")
        let layout = try AdapterLayout(adapter: adapter, model: model.adaptable, labelCount: 3)
        var active = ActiveAdapter(layout: layout, parameters: layout.flatten(adapter))
        active.dropout = .init(probability: 0.5, seed: 1)
        let seeds = (0..<2).flatMap { layer in
            LayerInput.allCases.compactMap { active.layer(layer).segments[0].dropout?.seed(for: $0) }
        }
        #expect(Set(seeds).count == 8)

        var twice = [TrainingBatch](repeating: TrainingBatch(), count: 2)
        for shard in 0..<2 { twice[shard].append(TinyReference.texts[0], label: 0) }
        var pass = ShardedPass(model: model, threads: 1)
        var (both, one): ([Float], [Float]) = ([], [])
        let loss = pass.run(twice, adapter: active, gradient: &both)
        let first = pass.run([twice[0]], adapter: active, gradient: &one)
        #expect(loss != first)
    }
}
