import Adapters

extension LoRAAdapter {
    /// What messages call the factors of the layer at `path`.
    static func nameOfA(_ path: String) -> String { "\(path).lora_A.weight" }
    static func nameOfB(_ path: String) -> String { "\(path).lora_B.weight" }
    static func nameOfCore(_ path: String) -> String { "\(path).lora_R.weight" }
}
