/// A method of PEFT, by which an adapter's tensors change the base model.
///
/// LoRA's factors are taken apart, because strategies compute with their products. The tensors of the other kinds are
/// carried by name (``LoRAAdapter/savedTensors``) and can be averaged, each with its like: what they share beside them,
/// such as a random projection, has to be the same everywhere.
package enum AdapterKind: String, Sendable, Hashable, Codable, CaseIterable {
    case lora = "LORA"
    /// LoRA with a small trained matrix between frozen factors (Bałazy et al., 2024, arXiv:2405.17604), as its authors
    /// save it: `peft_type` says LORA.
    case loraXS = "LORA-XS"
    /// LoRA-XS in PEFT, its matrix a sum of frozen ones.
    case tinyLoRA = "TINYLORA"
    /// Vectors around random projections that all layers share (Kopiczko et al., ICLR 2024, arXiv:2310.11454).
    case vera = "VERA"
    /// Coefficients of a sparse spectrum (Gao et al., ICML 2024, arXiv:2405.03003).
    case fourierFT = "FOURIERFT"
    /// Factors of activations (Liu et al., NeurIPS 2022, arXiv:2205.05638).
    case ia3 = "IA3"
    /// Embeddings in front of every text (Lester et al., EMNLP 2021, arXiv:2104.08691).
    case promptTuning = "PROMPT_TUNING"

    /// Every kind but LoRA itself.
    package static let named = Set(allCases).subtracting([.lora])

    /// What a trained matrix between LoRA's factors goes by.
    static let latentMapping = "lora_latent_mapping"

    /// Whether a tensor, by its name in ``LoRAAdapter/savedTensors``, is never trained: a projection that came with the
    /// adapter.
    package func isFrozen(_ name: String) -> Bool {
        let frozen: [String] =
            switch self {
            case .lora, .fourierFT, .ia3, .promptTuning: []
            case .loraXS: [".lora_A.weight", ".lora_B.weight"]
            case .tinyLoRA: [".tinylora_A", ".tinylora_B", ".tinylora_P"]
            case .vera: [".vera_A", ".vera_B"]
            }
        return frozen.contains { name.hasSuffix($0) }
    }
}
