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

    static func nameOfA(_ path: String) -> String { "\(path).lora_A.weight" }
    static func nameOfB(_ path: String) -> String { "\(path).lora_B.weight" }
}
