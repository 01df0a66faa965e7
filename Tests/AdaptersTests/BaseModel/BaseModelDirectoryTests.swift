import Foundation
import TestSupport
import Testing

@testable import Adapters

struct BaseModelDirectoryTests {
    @Test("reads the configuration")
    func configuration() throws {
        let configuration = try BaseModelDirectory(reading: Fixture.url("base")).configuration
        guard case .bert(let model) = configuration else {
            Issue.record("\(configuration) is not BERT")
            return
        }
        #expect(configuration.vocabularySize == 40 && configuration.longestText == 16)
        #expect(model.vocabularySize == 40)
        #expect(model.hiddenSize == 32)
        #expect(model.layerCount == 2)
        #expect(model.headCount == 2)
        #expect(model.intermediateSize == 64)
        #expect(model.maximumPositionCount == 16)
        #expect(model.tokenTypeCount == 2)
        #expect(model.layerNormEpsilon == 1e-12)
        #expect(model.initializerRange == 0.02)
        #expect(model.hiddenDropout == 0.1)
    }

    @Test("lists the linear layers by the names that PEFT gives them")
    func layers() throws {
        let model = try BaseModelDirectory(reading: Fixture.url("base"))
        #expect(model.linearLayers.count == 13)
        #expect(
            model.linearLayers.contains(
                LinearLayer(path: "bert.encoder.layer.1.intermediate.dense", outputWidth: 64, inputWidth: 32)
            )
        )
        // PEFT targeted these in the task model (`patterns`: query, value and every dense).
        let adapter = try PEFTDirectory(reading: Fixture.url("peft/patterns")).adapter
        let targeted = try model.layers(targetedBy: .names(["dense", "query", "value"]))
        #expect(Set(targeted.map(\.path)) == Set(adapter.modules.keys))
        for layer in targeted {
            #expect(adapter.modules[layer.path]?.inputWidth == layer.inputWidth)
            #expect(adapter.modules[layer.path]?.outputWidth == layer.outputWidth)
        }
        let expression = try PEFTDirectory(reading: Fixture.url("peft/expression"))
        let matched = try model.layers(targetedBy: #require(expression.configuration.targetModules))
        #expect(Set(matched.map(\.path)) == Set(expression.adapter.modules.keys))
    }

    @Test("says which targets name no layer, and what there is")
    func unmatched() throws {
        let model = try BaseModelDirectory(reading: Fixture.url("base"))
        let error = #expect(throws: AdapterError.self) {
            try model.layers(targetedBy: .names(["query", "q_proj"]))
        }
        #expect(error?.description.contains("no linear layer called 'q_proj'") == true)
        #expect(error?.description.contains("'dense', 'key', 'query', 'value'") == true)
        #expect(throws: AdapterError.self) { try model.layers(targetedBy: .names([])) }
    }

    @Test("finds parameters by the task model's names, and checks their shapes")
    func parameters() throws {
        let model = try BaseModelDirectory(reading: Fixture.url("base"))
        let tensor = try model.parameter("bert.embeddings.word_embeddings.weight", shape: [40, 32])
        #expect(try model.weights.floats(of: tensor).count == 40 * 32)
        #expect(throws: AdapterError.self) {
            try model.parameter("bert.embeddings.word_embeddings.weight", shape: [32, 40])
        }
        let error = #expect(throws: AdapterError.self) { try model.parameter("bert.nothing", shape: []) }
        #expect(error?.description.contains("'bert.nothing'") == true)
    }

    @Test("reads files that have the encoder's name before every tensor")
    func storedPrefix() async throws {
        let original = try BaseModelDirectory(reading: Fixture.url("base"))
        let tensors = try original.weights.tensors.filter { $0.elementType == .f32 }.map { tensor in
            SafetensorsDocument.Tensor(
                name: "bert." + tensor.name,
                shape: tensor.shape,
                elements: try original.weights.floats(of: tensor)
            )
        }
        try await withModel(weights: SafetensorsDocument(tensors)) { folder in
            let model = try BaseModelDirectory(reading: folder)
            #expect(model.linearLayers == original.linearLayers)
            let name = "bert.encoder.layer.0.attention.self.key.bias"
            let floats = try model.weights.floats(of: model.parameter(name, shape: [32]))
            #expect(floats == (try original.weights.floats(of: original.parameter(name, shape: [32]))))
        }
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let change: @Sendable (String) -> String
        let message: String
        var testDescription: String { message }
    }

    private static func replacing(_ key: String, by text: String) -> @Sendable (String) -> String {
        { configuration in
            configuration.split(separator: "\n")
                .map { $0.contains("\"\(key)\":") ? "  " + text : String($0) }.joined(separator: "\n")
        }
    }

    @Test(
        "names the file and the key that is missing or wrong",
        arguments: [
            Refusal(change: replacing("hidden_size", by: ""), message: "config.json' has no key 'hidden_size'"),
            Refusal(change: replacing("model_type", by: ""), message: "config.json' has no key 'model_type'"),
            Refusal(change: replacing("model_type", by: #""model_type": "gpt2","#), message: "the model family 'gpt2'"),
            Refusal(
                change: replacing("num_hidden_layers", by: #""num_hidden_layers": "2","#),
                message: "'num_hidden_layers'"
            ),
            Refusal(
                change: replacing("num_hidden_layers", by: #""num_hidden_layers": 9223372036854775807,"#),
                message: "'num_hidden_layers'"
            ),
            Refusal(
                change: replacing("num_hidden_layers", by: #""num_hidden_layers": 3,"#),
                message: "missing 'encoder.layer.2.attention.self.query.weight'"
            ),
            Refusal(
                change: replacing("num_attention_heads", by: #""num_attention_heads": 3,"#),
                message: "a divisor of `hidden_size`"
            ),
            Refusal(
                change: replacing("hidden_size", by: #""hidden_size": 16,"#),
                message: "has shape [32, 32] but [16, 16] is needed"
            ),
            Refusal(change: replacing("hidden_act", by: #""hidden_act": "relu","#), message: "`hidden_act` 'relu'"),
            Refusal(change: replacing("layer_norm_eps", by: #""layer_norm_eps": 0,"#), message: "'layer_norm_eps'"),
            Refusal(change: { _ in "{\"a\":" }, message: "is not JSON"),
        ]
    )
    func refusals(_ refusal: Refusal) async throws {
        try await withTemporaryDirectory { folder in
            let text = try String(contentsOf: Fixture.url("base/config.json"), encoding: .utf8)
            try Data(refusal.change(text).utf8).write(to: folder.appendingPathComponent("config.json"))
            try FileManager.default.copyItem(
                at: Fixture.url("base/model.safetensors"),
                to: folder.appendingPathComponent("model.safetensors")
            )
            let error = #expect(throws: AdapterError.self) { try BaseModelDirectory(reading: folder) }
            #expect(error?.description.contains(refusal.message) == true, "\(error?.description ?? "")")
        }
    }

    @Test(
        "says what to do about weights in other files",
        arguments: ["pytorch_model.bin", "model.safetensors.index.json"]
    )
    func otherWeights(_ name: String) async throws {
        try await withTemporaryDirectory { folder in
            try FileManager.default.copyItem(
                at: Fixture.url("base/config.json"),
                to: folder.appendingPathComponent("config.json")
            )
            let missing = #expect(throws: AdapterError.self) { try BaseModelDirectory(reading: folder) }
            #expect(missing?.description.contains("model.safetensors' cannot be read") == true)
            try Data().write(to: folder.appendingPathComponent(name))
            let error = #expect(throws: AdapterError.self) { try BaseModelDirectory(reading: folder) }
            #expect(error?.description.contains("weights in \(name)") == true)
        }
    }

    private func withModel(weights: SafetensorsDocument, _ body: (URL) throws -> Void) async throws {
        try await withTemporaryDirectory { folder in
            try FileManager.default.copyItem(
                at: Fixture.url("base/config.json"),
                to: folder.appendingPathComponent("config.json")
            )
            try Data(weights.bytes()).write(to: folder.appendingPathComponent("model.safetensors"))
            try body(folder)
        }
    }
}
