/// How the factors of a new adapter are filled, by PEFT's names of `init_lora_weights`.
package enum AdapterInitialization: String, Sendable, Codable, CaseIterable {
    /// A uniform after Kaiming (He et al., 2015), B zero: PEFT's `true`.
    case kaiming = "true"
    /// A normal with deviation 1/r, B zero.
    case gaussian
    /// The largest r singular components of the weight, which the base model then lacks (Meng et al., 2024,
    /// arXiv:2404.02948).
    case pissa
}
