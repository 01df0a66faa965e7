import Foundation
import LinearAlgebra
import TestSupport
import Testing

@testable import Adapters

@Suite("Folding adapters into base models")
struct BaseModelMergeTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let adapter: String
        let model: String
        /// What a rounded sum may differ by, as a share of the largest element.
        let tolerance: Float

        var testDescription: String { "\(adapter) into \(model)" }
    }

    @Test(
        "gives the weights of peft's merge_and_unload",
        .tags(.numerics),
        arguments: [
            Case(adapter: "head", model: "base", tolerance: 1e-6),
            Case(adapter: "embedding", model: "base", tolerance: 1e-6),
            Case(adapter: "rslora", model: "base", tolerance: 1e-6),
            // Half a unit in the last of bf16's eight bits, where 32-bit sums round to different sides.
            Case(adapter: "plain", model: "base-sharded", tolerance: 1.0 / 128),
        ]
    )
    func reference(_ test: Case) async throws {
        try await withTemporaryDirectory { folder in
            let merged = folder.appendingPathComponent("merged", isDirectory: true)
            let adapter = try PEFTDirectory(reading: Fixture.url("peft/\(test.adapter)"))
            try BaseModelMerge(adapter, into: Fixture.url(test.model)).write(to: merged)

            let expected = try SafetensorsFile(path: Fixture.url("merged/\(test.adapter).safetensors").path)
            let weights = try BaseModelWeights(in: merged)
            for reference in expected.tensors {
                let name = weights.tensor(reference.name) == nil ? String(reference.name.dropFirst(5)) : reference.name
                let (tensor, shard) = try #require(weights.tensor(name), "\(name)")
                #expect(tensor.elementType == reference.elementType && tensor.shape == reference.shape)
                let file = try SafetensorsFile(path: merged.appendingPathComponent(weights.shards[shard].fileName).path)
                let (found, wanted) = (try file.floats(of: tensor), try expected.floats(of: reference))
                let limit = test.tolerance * (wanted.map(\.magnitude).max() ?? 0)
                #expect(zip(found, wanted).allSatisfy { abs($0 - $1) <= limit }, "\(name)")
            }
            #expect(FileManager.default.fileExists(atPath: merged.appendingPathComponent("config.json").path))
        }
    }

    @Test("turns the product where the base model keeps its weights turned, as GPT-2 does")
    func transposed() async throws {
        try await withTemporaryDirectory { folder in
            let merged = folder.appendingPathComponent("merged", isDirectory: true)
            var adapter = try PEFTDirectory(reading: Fixture.url("peft/plain"))
            // Of a layer from 32 to 64 numbers, whose weight the model has as 32×64.
            var module = LoRAModule(a: Matrix(rows: 1, columns: 32), b: Matrix(rows: 64, columns: 1), alpha: 1)
            module.a[0, 3] = 2
            module.b[5, 0] = 3
            adapter.adapter.modules = ["bert.encoder.layer.0.output.dense": module]
            let straight = adapter
            #expect(throws: AdapterError.self) { try BaseModelMerge(straight, into: Fixture.url("base")) }
            adapter.configuration.members["fan_in_fan_out"] = .bool(true)
            try BaseModelMerge(adapter, into: Fixture.url("base")).write(to: merged)
            let weights = try [Fixture.url("base"), merged].map { folder -> [Float] in
                let file = try SafetensorsFile(path: folder.appendingPathComponent("model.safetensors").path)
                let weight = file.tensors.first { $0.name == "encoder.layer.0.output.dense.weight" }
                return try file.floats(of: try #require(weight))
            }
            var expected = weights[0]
            expected[3 * 64 + 5] += 6
            #expect(weights[1] == expected)
        }
    }

    @Test("copies what the adapter does not touch, byte for byte, and keeps shards and index")
    func untouched() async throws {
        try await withTemporaryDirectory { folder in
            let merged = folder.appendingPathComponent("merged", isDirectory: true)
            let adapter = try PEFTDirectory(reading: Fixture.url("peft/plain"))
            let merge = try BaseModelMerge(adapter, into: Fixture.url("base-sharded"))
            #expect(merge.changedTensorCount == 4 && merge.addedTensorCount == 0)
            try merge.write(to: merged)
            let (before, after) = (
                try BaseModelWeights(in: Fixture.url("base-sharded")), try BaseModelWeights(in: merged)
            )
            #expect(after.shards.map(\.fileName) == before.shards.map(\.fileName) && after.index == before.index)
            var changed: Set<String> = []
            for shard in before.shards {
                let files = try [Fixture.url("base-sharded"), merged].map { folder in
                    try Data(contentsOf: folder.appendingPathComponent(shard.fileName))
                }
                for tensor in shard.header.tensors {
                    let other = try #require(after.tensor(tensor.name)?.tensor)
                    if files[0][tensor.range] != files[1][other.range] { changed.insert(tensor.name) }
                }
            }
            #expect(changed == Set(adapter.adapter.modules.keys.map { "\($0.dropFirst(5)).weight" }))
        }
    }

    @Test("a new head is named with everything else, and described in the configuration")
    func head() async throws {
        try await withTemporaryDirectory { folder in
            let merged = folder.appendingPathComponent("merged", isDirectory: true)
            let adapter = try PEFTDirectory(reading: Fixture.url("peft/head"))
            let merge = try BaseModelMerge(adapter, into: Fixture.url("base"), labels: ["bad", "fair", "good"])
            #expect(merge.addedTensorCount == 2)
            try merge.write(to: merged)
            let names = try BaseModelWeights(in: merged).names
            #expect(names.contains("classifier.weight") && names.contains("bert.embeddings.LayerNorm.bias"))
            #expect(names.allSatisfy { $0.hasPrefix("bert.") || $0.hasPrefix("classifier.") })
            let bytes = try Array(Data(contentsOf: merged.appendingPathComponent("config.json")))
            let configuration = try #require(JSONValue(parsing: bytes.span).object)
            #expect(configuration["architectures"]?.strings == ["BertForSequenceClassification"])
            #expect(configuration["id2label"]?.object?["2"]?.string == "good")
            #expect(configuration["label2id"]?.object?["bad"]?.integer == 0)
            // And it is a base model like any other.
            #expect(try BaseModelDirectory(reading: merged).linearLayers.count == 13)
        }
    }

    @Test("refuses what does not fit or cannot be folded in, and leaves nothing behind")
    func refusals() async throws {
        try await withTemporaryDirectory { folder in
            func refusal(
                _ name: String,
                labels: [String]? = nil,
                _ change: (inout PEFTDirectory) -> Void = { _ in }
            ) throws -> String {
                var adapter = try PEFTDirectory(reading: Fixture.url("peft/\(name)"))
                change(&adapter)
                let merged = folder.appendingPathComponent("merged", isDirectory: true)
                let error = #expect(throws: AdapterError.self) {
                    try BaseModelMerge(adapter, into: Fixture.url("base"), labels: labels).write(to: merged)
                }
                #expect(!FileManager.default.fileExists(atPath: merged.path))
                return error?.description ?? ""
            }
            #expect(try refusal("dora").contains("DoRA"))
            #expect(try refusal("factor-bias").contains("lora_bias"))
            let foreign: [(key: String, value: JSONValue)] = [
                ("layer_replication", .array([.array([.number(0), .number(2)])])),
                ("trainable_token_indices", .array([.number(7)])), ("alora_invocation_tokens", .array([.number(5)])),
                ("use_qalora", .bool(true)), ("use_bdlora", .bool(true)),
                ("target_parameters", .array([.string("experts.down_proj")])),
            ]
            for (key, value) in foreign {
                let reason = try refusal("plain") { $0.configuration.members[key] = value }
                #expect(reason.contains("`\(key)`"), "\(key)")
            }
            #expect(try refusal("head", labels: ["a"]).contains("3 different names"))
            #expect(try refusal("plain", labels: ["a"]).contains("no classification head"))
            let unknown = try refusal("plain") { $0.adapter.modules["nowhere.q"] = $0.adapter.modules.values.first }
            #expect(unknown.contains("nowhere.q.weight"))
            let path = "bert.encoder.layer.0.attention.self.query"
            let shape = try refusal("plain") { $0.adapter.modules[path]?.a = .init(rows: 4, columns: 5) }
            #expect(shape.contains("[32, 5]"))
            let value = try refusal("plain") { $0.adapter.modules[path]?.a[0, 0] = .infinity }
            #expect(value.contains("NaN or infinite"))
        }
    }

    @Test("an index that leads out of the folder, or to nothing, is refused")
    func index() async throws {
        for map in [
            #"{"w": "../x.safetensors"}"#, #"{"w": 3}"#, "{}", #"{"w": "model.bin"}"#, #"{"w": ".safetensors"}"#,
        ] {
            try await withTemporaryDirectory { folder in
                let index = folder.appendingPathComponent(BaseModelWeights.indexFileName)
                try Data("{\"weight_map\": \(map)}".utf8).write(to: index)
                let error = #expect(throws: AdapterError.self) { try BaseModelWeights(in: folder) }
                #expect(error?.description.contains("weight_map") == true, "\(map)")
            }
        }
    }
}
