import Foundation
import LinearAlgebra
import TestSupport
import Testing

@testable import Adapters

struct PEFTDirectoryTests {
    static let variants = PEFTConfigurationTests.variants

    @Test("reads the numbers that PEFT saved, and scales as PEFT does", .tags(.numerics), arguments: variants)
    func numbers(_ variant: String) throws {
        let directory = try PEFTDirectory(reading: Fixture.url("peft/\(variant)"))
        let numbers = try #require(
            Fixture.decode([String: Fixture.Numbers].self, from: "peft/numbers.json")[variant]
        )
        #expect(directory.adapter.modules.mapValues(\.scaling) == numbers.scalings)
        var found = 0
        for (text, expected) in numbers.tensors {
            let name = try #require(PEFTTensorName(text))
            let tensor = try #require(self.tensor(name, of: directory.adapter), "\(text)")
            found += 1
            #expect(tensor.shape == expected.shape)
            // The fixtures hold floats as doubles, so nothing may be lost.
            let values = tensor.elements.map(Double.init)
            #expect(Array(values.prefix(3) + values.suffix(3)) == expected.ends)
            #expect(abs(values.reduce(0, +) - expected.sum) < 1e-12)
        }
        #expect(found == 2 * directory.adapter.modules.count + directory.adapter.savedTensors.count)
    }

    private func tensor(_ name: PEFTTensorName, of adapter: LoRAAdapter) -> DenseTensor? {
        if case .saved(let parameter) = name { return adapter.savedTensors[parameter] }
        guard let module = name.module.flatMap({ adapter.modules[$0] }) else { return nil }
        let matrix =
            switch name {
            case .lowRankA, .embeddingA: module.a
            default: module.b
            }
        return DenseTensor(shape: [matrix.rows, matrix.columns], elements: matrix.elements)
    }

    @Test("writes what it read, byte for byte", .tags(.goldenBytes), arguments: variants)
    func roundTrip(_ variant: String) async throws {
        let directory = try PEFTDirectory(reading: Fixture.url("peft/\(variant)"))
        try await withTemporaryDirectory { folder in
            let copy = folder.appendingPathComponent("deep/copy")
            try directory.write(to: copy)
            for name in ["adapter_config.json", "adapter_model.safetensors"] {
                let written = try Data(contentsOf: copy.appendingPathComponent(name))
                #expect(written == (try Data(contentsOf: Fixture.url("peft/\(variant)/\(name)"))), "\(name)")
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: copy.path).count == 2)
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: folder.appendingPathComponent("deep").path) == [
                    "copy"
                ]
            )
        }
    }

    @Test("reads names with the adapter's name in them, and writes them without")
    func adapterNames() async throws {
        let plain = try PEFTDirectory(reading: Fixture.url("peft/head"))
        let file = try SafetensorsFile(path: Fixture.url("peft/head/adapter_model.safetensors").path)
        let renamed = try file.tensors.map { tensor in
            let name = tensor.name
                .replacingOccurrences(of: "lora_A.", with: "lora_A.default.")
                .replacingOccurrences(of: "lora_B.", with: "lora_B.default.")
                .replacingOccurrences(of: "classifier.", with: "classifier.modules_to_save.default.")
            return SafetensorsDocument.Tensor(name: name, shape: tensor.shape, elements: try file.floats(of: tensor))
        }
        try await withTemporaryDirectory { folder in
            try write(SafetensorsDocument(renamed), configurationOf: "head", to: folder)
            let directory = try PEFTDirectory(reading: folder)
            #expect(directory.adapter == plain.adapter)
            try directory.write(to: folder, replacing: true)
            let written = try Data(contentsOf: folder.appendingPathComponent("adapter_model.safetensors"))
            #expect(written == (try Data(contentsOf: Fixture.url("peft/head/adapter_model.safetensors"))))
        }
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let name: String
        var variant = "plain"
        let change: @Sendable (inout [SafetensorsDocument.Tensor]) -> Void
        let message: String
        var testDescription: String { name }
    }

    @Test(
        "refuses tensors that do not fit the configuration, and says which",
        arguments: [
            Refusal(
                name: "missing B",
                change: { $0.removeAll { $0.name.hasSuffix("0.attention.self.query.lora_B.weight") } },
                message: "lacks 'base_model.model.bert.encoder.layer.0.attention.self.query.lora_B.weight'"
            ),
            Refusal(
                name: "missing A",
                change: { $0.removeAll { $0.name.hasSuffix("0.attention.self.query.lora_A.weight") } },
                message: "lacks 'base_model.model.bert.encoder.layer.0.attention.self.query.lora_A.weight'"
            ),
            Refusal(
                name: "no factors",
                change: { $0 = [.init(name: "base_model.model.x", shape: [1], elements: [1])] },
                message: "no low-rank factors"
            ),
            Refusal(
                name: "foreign name",
                change: { $0.append(.init(name: "x.lora_A.weight", shape: [4, 1], elements: [0, 0, 0, 0])) },
                message: "not named as PEFT"
            ),
            Refusal(
                name: "another rank",
                change: { tensors in
                    tensors = tensors.map {
                        .init(name: $0.name, shape: $0.shape == [4, 32] ? [2, 64] : $0.shape, elements: $0.elements)
                    }
                },
                message: "has rank 2 but 4 is stated"
            ),
            Refusal(
                name: "a factor with four dimensions",
                change: { tensors in
                    tensors = tensors.map { .init(name: $0.name, shape: $0.shape + [1, 1], elements: $0.elements) }
                },
                message: "a factor is a matrix"
            ),
            Refusal(
                name: "an empty factor",
                change: { tensors in tensors = tensors.map { .init(name: $0.name, shape: [4, 0], elements: []) } },
                message: "a factor is a matrix"
            ),
            Refusal(
                name: "twice",
                change: { tensors in
                    tensors += tensors.map {
                        .init(
                            name: $0.name.replacingOccurrences(of: ".weight", with: ".default.weight"),
                            shape: $0.shape,
                            elements: $0.elements
                        )
                    }
                },
                message: "twice"
            ),
            Refusal(
                name: "missing head",
                variant: "head",
                change: { $0.removeAll { $0.name.contains("classifier") } },
                message: "lacks the tensors of `modules_to_save` ('classifier', 'score')"
            ),
        ]
    )
    func refusals(_ refusal: Refusal) async throws {
        let file = try SafetensorsFile(path: Fixture.url("peft/\(refusal.variant)/adapter_model.safetensors").path)
        var tensors = try file.tensors.map { tensor in
            SafetensorsDocument.Tensor(name: tensor.name, shape: tensor.shape, elements: try file.floats(of: tensor))
        }
        refusal.change(&tensors)
        try await withTemporaryDirectory { folder in
            try write(SafetensorsDocument(tensors), configurationOf: refusal.variant, to: folder)
            let error = #expect(throws: AdapterError.self) { try PEFTDirectory(reading: folder) }
            #expect(error?.description.contains(refusal.message) == true, "\(error?.description ?? "")")
        }
    }

    @Test("refuses a pickle with the reason, and a directory without an adapter")
    func missingFiles() async throws {
        try await withTemporaryDirectory { folder in
            #expect(throws: AdapterError.missingAdapter(path: folder.path)) { try PEFTDirectory(reading: folder) }
            try FileManager.default.copyItem(
                at: Fixture.url("peft/plain/adapter_config.json"),
                to: folder.appendingPathComponent("adapter_config.json")
            )
            #expect(throws: AdapterError.missingAdapter(path: folder.path)) { try PEFTDirectory(reading: folder) }
            try Data("pickle".utf8).write(to: folder.appendingPathComponent("adapter_model.bin"))
            let error = #expect(throws: AdapterError.pickledAdapter(path: folder.path)) {
                try PEFTDirectory(reading: folder)
            }
            #expect(error?.description.contains("can run programs") == true)
        }
    }

    @Test("refuses an alpha that cannot scale", arguments: ["0", "-4"])
    func invalidAlpha(_ alpha: String) async throws {
        try await withTemporaryDirectory { folder in
            let text = try String(contentsOf: Fixture.url("peft/plain/adapter_config.json"), encoding: .utf8)
                .replacingOccurrences(of: #""lora_alpha": 8"#, with: #""lora_alpha": \#(alpha)"#)
            try Data(text.utf8).write(to: folder.appendingPathComponent("adapter_config.json"))
            try FileManager.default.copyItem(
                at: Fixture.url("peft/plain/adapter_model.safetensors"),
                to: folder.appendingPathComponent("adapter_model.safetensors")
            )
            let error = #expect(throws: AdapterError.self) { try PEFTDirectory(reading: folder) }
            #expect(error?.description.contains("finite number above 0") == true)
        }
    }

    private func write(
        _ document: SafetensorsDocument,
        configurationOf variant: String,
        to folder: URL
    ) throws {
        try Data(document.bytes()).write(to: folder.appendingPathComponent("adapter_model.safetensors"))
        try FileManager.default.copyItem(
            at: Fixture.url("peft/\(variant)/adapter_config.json"),
            to: folder.appendingPathComponent("adapter_config.json")
        )
    }
}
