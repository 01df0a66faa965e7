import Adapters
import LinearAlgebra

/// One tensor of an adapter, by the name that PEFT gives it in a file.
struct NamedTensor: Sendable {
    let name: String
    let elements: [Float]
}

extension LoRAAdapter {
    /// Every tensor in canonical order: modules by path, A before B, then saved tensors by path.
    var orderedTensors: [NamedTensor] {
        var tensors: [NamedTensor] = []
        for (path, module) in modules.sorted(by: { $0.key < $1.key }) {
            tensors.append(NamedTensor(name: Self.nameOfA(path), elements: module.a.elements))
            tensors.append(NamedTensor(name: Self.nameOfB(path), elements: module.b.elements))
        }
        for (path, tensor) in savedTensors.sorted(by: { $0.key < $1.key }) {
            tensors.append(NamedTensor(name: path, elements: tensor.elements))
        }
        return tensors
    }

    /// The elements of the saved tensors alone, in the same order.
    var orderedSavedTensors: [[Float]] {
        savedTensors.sorted { $0.key < $1.key }.map(\.value.elements)
    }

    /// Gives the saved tensors other values, in the same order.
    mutating func replaceSavedTensors(by values: [[Float]]) {
        for (path, elements) in zip(savedTensors.keys.sorted(), values) {
            guard let tensor = savedTensors[path] else { continue }
            savedTensors[path] = DenseTensor(shape: tensor.shape, elements: elements)
        }
    }

    static func nameOfA(_ path: String) -> String { "\(path).lora_A.weight" }
    static func nameOfB(_ path: String) -> String { "\(path).lora_B.weight" }
}
