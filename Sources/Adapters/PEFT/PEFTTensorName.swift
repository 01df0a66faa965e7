/// The name of a tensor in `adapter_model.safetensors`, taken apart.
///
/// ```
/// base_model.model.bert.encoder.layer.0.attention.self.query.lora_A.weight     lowRankA, [r, in]
/// base_model.model.bert.encoder.layer.0.attention.self.query.lora_B.weight     lowRankB, [out, r]
/// base_model.model.bert.embeddings.word_embeddings.lora_embedding_A            embeddingA, [r, vocabulary]
/// base_model.model.classifier.weight                                           saved
/// ```
///
/// Three more kinds of names occur in payloads only, which are not PEFT's to read:
///
/// ```
/// base_model.model.bert.encoder.layer.0.attention.self.query.lora_R.weight     core, [r, r]
/// control.bert.encoder.layer.0.attention.self.query.lora_A.weight              control, like the tensor
/// residual.bert.encoder.layer.0.attention.self.query.lora_A.weight             residualA, [r, in]; lora_B residualB
/// ```
///
/// In memory PEFT puts the adapter's name into the names (`lora_A.default.weight`); files of other programs may keep
/// it. It is read and never written. Everything that is not a factor is saved whole, DoRA's magnitudes included.
///
/// Adapters of other kinds have tensors outside the base model, too, such as `prompt_embeddings` and `base_model.vera_A`.
/// Their parameter is the whole name after a point, with which no path begins.
enum PEFTTensorName: Equatable, Sendable {
    case lowRankA(module: String)
    case lowRankB(module: String)
    case embeddingA(module: String)
    case embeddingB(module: String)
    case core(module: String)
    case residualA(module: String)
    case residualB(module: String)
    case control(tensor: String)
    case saved(parameter: String)

    static let prefix = "base_model.model."
    private static let residualPrefix = "residual."
    private static let controlPrefix = "control."
    /// What the parameters of tensors outside the base model begin with.
    private static let outside = "."

    /// What the names of factors end with.
    private static let factors: [(suffix: String, make: @Sendable (String) -> PEFTTensorName)] = [
        (".lora_A.weight", { .lowRankA(module: $0) }),
        (".lora_B.weight", { .lowRankB(module: $0) }),
        (".lora_R.weight", { .core(module: $0) }),
        (".lora_embedding_A", { .embeddingA(module: $0) }),
        (".lora_embedding_B", { .embeddingB(module: $0) }),
    ]

    /// Takes a name apart, or returns `nil` when it does not start as PEFT's names do.
    init?(_ name: String) {
        if name.hasPrefix(Self.residualPrefix) {
            let path = name.withoutPrefix(Self.residualPrefix)
            let factors = [
                (".lora_A.weight", PEFTTensorName.residualA),
                (".lora_B.weight", PEFTTensorName.residualB),
            ]
            guard let (suffix, make) = factors.first(where: { path.hasSuffix($0.0) && path != $0.0 }) else {
                return nil
            }
            self = make(path.withoutSuffix(suffix))
            return
        }
        if name.hasPrefix(Self.controlPrefix), name != Self.controlPrefix {
            self = .control(tensor: name.withoutPrefix(Self.controlPrefix))
            return
        }
        guard name.hasPrefix(Self.prefix) else { return nil }
        let path = Self.withoutAdapterName(name.withoutPrefix(Self.prefix))
        guard !path.isEmpty else { return nil }
        for factor in Self.factors where path.hasSuffix(factor.suffix) && path != factor.suffix {
            self = factor.make(path.withoutSuffix(factor.suffix))
            return
        }
        guard !path.hasPrefix(Self.outside) else { return nil }
        self = .saved(parameter: path)
    }

    /// Takes the name of a tensor of another kind of adapter than LoRA, which is saved whole whatever it is called.
    ///
    /// - Returns: `nil` for a name that a payload has other uses for.
    static func whole(_ name: String) -> PEFTTensorName? {
        let isTaken = [residualPrefix, controlPrefix, outside].contains { name.hasPrefix($0) }
        guard !name.isEmpty, !isTaken else { return nil }
        let path = name.hasPrefix(prefix) ? name.withoutPrefix(prefix) : name
        guard !path.isEmpty, !path.hasPrefix(outside) else { return nil }
        return .saved(parameter: name.hasPrefix(prefix) ? path : outside + path)
    }

    /// The name in a file.
    var text: String {
        switch self {
        case .lowRankA(let module): "\(Self.prefix)\(module).lora_A.weight"
        case .lowRankB(let module): "\(Self.prefix)\(module).lora_B.weight"
        case .embeddingA(let module): "\(Self.prefix)\(module).lora_embedding_A"
        case .embeddingB(let module): "\(Self.prefix)\(module).lora_embedding_B"
        case .core(let module): "\(Self.prefix)\(module).lora_R.weight"
        case .residualA(let module): "\(Self.residualPrefix)\(module).lora_A.weight"
        case .residualB(let module): "\(Self.residualPrefix)\(module).lora_B.weight"
        case .control(let tensor): "\(Self.controlPrefix)\(tensor)"
        case .saved(let parameter):
            parameter.hasPrefix(Self.outside) ? String(parameter.dropFirst()) : "\(Self.prefix)\(parameter)"
        }
    }

    /// Removes what PEFT adds in memory: `modules_to_save.default.`, and `.default` after a factor's name.
    private static func withoutAdapterName(_ path: String) -> String {
        // Files that PEFT wrote have no adapter names.
        guard path.holds("default") || path.holds("lora_magnitude_vector") else { return path }
        let parts = path.split(separator: ".", omittingEmptySubsequences: false)
        var kept: [Substring] = []
        var index = 0
        while index < parts.count {
            let isNamed = index + 1 < parts.count && parts[index + 1] == "default"
            switch parts[index] {
            case "modules_to_save" where isNamed:
                index += 2
            case "lora_A", "lora_B", "lora_embedding_A", "lora_embedding_B":
                kept.append(parts[index])
                index += isNamed ? 2 : 1
            case "lora_magnitude_vector":
                kept.append(parts[index])
                index += isNamed ? 2 : 1
                // DoRA's vector is a parameter of a module in memory, and a plain tensor in files.
                if index == parts.count - 1, parts[index] == "weight" { index += 1 }
            default:
                kept.append(parts[index])
                index += 1
            }
        }
        return kept.joined(separator: ".")
    }
}

extension PEFTTensorName: Hashable {
    /// The path of the adapted layer that this is a part of.
    var module: String? {
        switch self {
        case .lowRankA(let module), .lowRankB(let module), .embeddingA(let module), .embeddingB(let module),
            .core(let module):
            module
        case .residualA, .residualB, .control, .saved: nil
        }
    }

    /// Whether PEFT has no such tensor.
    var isForPayloadsOnly: Bool {
        switch self {
        case .core, .residualA, .residualB, .control: true
        case .lowRankA, .lowRankB, .embeddingA, .embeddingB, .saved: false
        }
    }
}
