import Foundation
import LinearAlgebra
import TestSupport
import Testing

@testable import Adapters

@Suite("Adapters for llama.cpp")
struct LoRAExportTests {
    private static func export(_ change: (inout PEFTDirectory) -> Void = { _ in }) throws -> LoRAExport {
        var adapter = try PEFTDirectory(reading: Fixture.url("llama/adapter"))
        change(&adapter)
        return try LoRAExport(adapter, base: Fixture.url("llama/base"))
    }

    @Test("writes the values and tensors that llama.cpp reads, as its own library writes them", .tags(.goldenBytes))
    func reference() throws {
        let file = try GGUFFile(Self.export().document().bytes(), path: "adapter.gguf")
        let expected = try GGUFFile(contentsOf: Fixture.url("llama/adapter.gguf"))
        #expect(file.values == expected.values)
        #expect(file.values["general.type"] == .text("adapter") && file.values["adapter.lora.alpha"] == .number(6))
        #expect(Set(file.tensors.keys) == Set(expected.tensors.keys) && file.tensors.count == 30)
        for (name, tensor) in file.tensors {
            let reference = try #require(expected.tensors[name])
            #expect(tensor.shape == reference.shape && tensor.encoding == .f32)
            #expect(file.elements(of: tensor) == expected.elements(of: reference), "\(name)")
        }
    }

    @Test("half precision takes half the room, and rounds")
    func half() throws {
        let export = try Self.export()
        let (whole, half) = (export.document(), export.document(.f16))
        let file = try GGUFFile(half.bytes(), path: "adapter.gguf")
        #expect(half.bytes().count < whole.bytes().count)
        let wholeFile = try GGUFFile(whole.bytes(), path: "adapter.gguf")
        for (name, tensor) in file.tensors {
            #expect(tensor.encoding == .f16)
            let rounded = try wholeFile.elements(of: #require(wholeFile.tensors[name])).map { Float(Float16($0)) }
            #expect(file.elements(of: tensor) == rounded)
        }
    }

    @Test("undoes what importing a base model does to heads")
    func halves() throws {
        let rows = (0..<8).map { [Float($0)] }
        let turned = LoRAExport.alternatingHalves(of: .init(rows), heads: 2)
        #expect(LlamaImport.separateHalves(turned.elements, heads: 2, rows: 8, width: 1) == rows.map { $0[0] })
        #expect(turned.elements == [0, 2, 1, 3, 4, 6, 5, 7])
    }

    @Test("adapters of BERT keep their rows, under BERT's names")
    func encoder() throws {
        let adapter = try PEFTDirectory(reading: Fixture.url("peft/plain"))
        let file = try GGUFFile(LoRAExport(adapter, base: Fixture.url("base")).document().bytes(), path: "a.gguf")
        #expect(file.values["general.architecture"] == .text("bert"))
        let path = "bert.encoder.layer.1.attention.self.value"
        let tensor = try #require(file.tensors["blk.1.attn_v.weight.lora_b"])
        #expect(file.elements(of: tensor) == adapter.adapter.modules[path]?.b.elements)
    }

    @Test("never writes over a file, and leaves none behind that is not whole")
    func files() async throws {
        try await withTemporaryDirectory { folder in
            let file = folder.appendingPathComponent("adapter.gguf")
            try Self.export().write(to: file)
            let bytes = try Data(contentsOf: file)
            #expect(bytes == Data(try Self.export().document().bytes()))
            #expect(throws: AdapterError.self) { try Self.export().write(to: file, .f16) }
            #expect(try Data(contentsOf: file) == bytes)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["adapter.gguf"])
        }
    }

    @Test("names what such a file cannot hold")
    func refusals() throws {
        func refusal(_ change: (inout PEFTDirectory) -> Void) -> String {
            let error = #expect(throws: AdapterError.self) { try Self.export(change) }
            return error?.description ?? ""
        }
        let head = refusal { $0.adapter.savedTensors["score.weight"] = .init(shape: [1], elements: [1]) }
        #expect(head.contains("score.weight"))
        let layer = refusal { directory in
            let module = directory.adapter.modules["model.layers.1.mlp.up_proj"]
            directory.adapter.modules["model.layers.2.mlp.up_proj"] = module
        }
        #expect(layer.contains("layers.2"))
        let path = "model.layers.0.self_attn.q_proj"
        let shape = refusal { $0.adapter.modules[path]?.b = .init(rows: 6, columns: 2) }
        #expect(shape.contains("[16, 16]"))
        let value = refusal { $0.adapter.modules[path]?.b[0, 0] = .nan }
        #expect(value.contains(path))
    }
}
