import Adapters
import Foundation
import LinearAlgebra
import Testing

@testable import Training

/// What PyTorch and PEFT computed with the tiny BERT (`make_model_fixtures.py`).
struct TinyReference {
    static let texts: [[Int32]] = [
        [2, 5, 9, 11, 40, 3], [2, 7, 3], [2] + Array(10..<25) + [3], [2, 33, 33, 58, 3], [2, 59, 4, 6, 8, 3],
    ]
    static let labels: [Int32] = [2, 0, 1, 1, 2]

    private let file: SafetensorsFile

    init() throws {
        file = try SafetensorsFile(path: Fixture.url("tiny-bert-reference.safetensors").path)
    }

    func floats(_ name: String) throws -> [Float] {
        try file.floats(of: try #require(file.header[name], "\(name) is not in the reference"))
    }

    /// The adapter whose tensors lie under `set`, `adapter`, `gradient`, `adamw` or `sgd`, with the modules asked for.
    func adapter(_ set: String, including isIncluded: (String) -> Bool = { _ in true }) throws -> LoRAAdapter {
        var adapter = LoRAAdapter(modules: [:])
        for tensor in file.tensors where tensor.name.hasPrefix("\(set).") {
            let name = String(tensor.name.dropFirst(set.count + 1))
            let elements = try file.floats(of: tensor)
            if name.hasSuffix(".lora_A.weight") {
                let path = String(name.dropLast(".lora_A.weight".count))
                guard isIncluded(path) else { continue }
                let other = try #require(file.header["\(set).\(path).lora_B.weight"])
                let scaling = try floats("scaling.\(path)")[0]
                adapter.modules[path] = LoRAModule(
                    a: Matrix(rows: tensor.shape[0], columns: tensor.shape[1], elements: elements),
                    b: Matrix(rows: other.shape[0], columns: other.shape[1], elements: try file.floats(of: other)),
                    alpha: Double(scaling) * Double(tensor.shape[0])
                )
            } else if !name.contains("lora_B") {
                adapter.savedTensors[name] = DenseTensor(shape: tensor.shape, elements: elements)
            }
        }
        return adapter
    }

    /// The batch, dealt out to shards in turn.
    static func shards(_ count: Int) -> [TrainingBatch] {
        var shards = [TrainingBatch](repeating: TrainingBatch(), count: count)
        for (index, text) in texts.enumerated() { shards[index % count].append(text, label: labels[index]) }
        return shards
    }
}

/// The largest difference between two arrays, relative to the largest reference when that is above 1.
func relativeDifference(_ found: [Float], _ expected: [Float]) -> Float {
    guard found.count == expected.count else { return .infinity }
    let scale = expected.reduce(1) { max($0, abs($1)) }
    return zip(found, expected).reduce(0) { max($0, abs($1.0 - $1.1)) } / scale
}
