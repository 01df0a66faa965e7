extension LoRAAdapter {
    /// What messages, and control variates, call the factors of the layer at `path`.
    package static func nameOfA(_ path: String) -> String { "\(path).lora_A.weight" }
    package static func nameOfB(_ path: String) -> String { "\(path).lora_B.weight" }
    package static func nameOfCore(_ path: String) -> String { "\(path).lora_R.weight" }
}
