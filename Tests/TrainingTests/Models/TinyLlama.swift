import Adapters
import Foundation
import LinearAlgebra
import TestSupport
import Testing

@testable import Training

/// What PyTorch and PEFT computed with the tiny Llama (`make_llama_fixtures.py`).
struct TinyLlama {
    static let texts: [[Int32]] = [
        [2, 5, 9, 11, 40, 3], [7, 3], (0..<150).map { (7 * $0 * $0 + 3 * $0) % 61 }, [2, 33, 33, 58, 3], Array(0..<17),
    ]

    let model: LlamaModel
    private let file: SafetensorsFile

    init() throws {
        BLASThreads.useCallingThreadOnly()
        model = try Self.model(at: Fixture.url("tiny-llama"))
        file = try SafetensorsFile(path: Fixture.url("tiny-llama-reference.safetensors").path)
    }

    static func model(at folder: URL) throws -> LlamaModel {
        let directory = try BaseModelDirectory(reading: folder)
        guard case .llama(let configuration) = directory.configuration else { throw NotLlama() }
        return try LlamaModel(configuration, in: directory)
    }

    private struct NotLlama: Error {}

    func floats(_ name: String) throws -> [Float] {
        try file.floats(of: try #require(file.header[name], "\(name) is not in the reference"))
    }

    /// The adapter whose tensors lie under `set`, `adapter` or `gradient`, with the modules asked for.
    func adapter(_ set: String, including isIncluded: (String) -> Bool = { _ in true }) throws -> LoRAAdapter {
        var adapter = LoRAAdapter(modules: [:])
        for tensor in file.tensors where tensor.name.hasPrefix("\(set).") && tensor.name.hasSuffix(".lora_A.weight") {
            let path = String(tensor.name.dropFirst(set.count + 1).dropLast(".lora_A.weight".count))
            guard isIncluded(path) else { continue }
            let other = try #require(file.header["\(set).\(path).lora_B.weight"])
            let scaling = try floats("scaling.\(path)")[0]
            adapter.modules[path] = LoRAModule(
                a: Matrix(rows: tensor.shape[0], columns: tensor.shape[1], elements: try file.floats(of: tensor)),
                b: Matrix(rows: other.shape[0], columns: other.shape[1], elements: try file.floats(of: other)),
                alpha: Double(scaling) * Double(tensor.shape[0])
            )
        }
        return adapter
    }

    /// The adapter in the form that passes read.
    func active(_ adapter: LoRAAdapter) throws -> ActiveAdapter {
        let layout = try AdapterLayout(adapter: adapter, model: model.adaptable, labelCount: 0)
        return ActiveAdapter(layout: layout, parameters: layout.flatten(adapter))
    }

    static func packed(_ texts: [[Int32]] = texts) -> PackedTexts {
        var packed = PackedTexts()
        for text in texts { packed.append(text) }
        return packed
    }

    /// The batch, dealt out to shards in turn.
    static func shards(_ count: Int, of texts: [[Int32]] = texts) -> [TrainingBatch] {
        var shards = [TrainingBatch](repeating: TrainingBatch(), count: count)
        for (index, text) in texts.enumerated() { shards[index % count].append(text) }
        return shards
    }
}
