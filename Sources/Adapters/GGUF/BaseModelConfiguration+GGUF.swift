extension BaseModelConfiguration {
    /// What GGUF files call the family.
    var architecture: String {
        switch self {
        case .bert: "bert"
        case .llama: "llama"
        }
    }

    /// What a GGUF file calls the weight of a layer.
    struct ExportedName {
        /// The name without `.weight`.
        let text: String
        /// The layer, where it is one of a block.
        let layer: LinearLayer?
    }

    /// Returns what a GGUF file calls the weight of a layer; `nil` for layers that it does not have.
    ///
    /// - Parameter path: The layer in the task model, such as `model.layers.0.self_attn.q_proj`, or in the module inside it.
    /// - Returns: Such as `blk.0.attn_q`.
    func exportedName(of path: String) -> ExportedName? {
        let inner = path.hasPrefix(modulePrefix) ? String(path.dropFirst(modulePrefix.count)) : path
        switch inner {
        case "lm_head": return ExportedName(text: "output", layer: nil)
        case "embed_tokens", "embeddings.word_embeddings": return ExportedName(text: "token_embd", layer: nil)
        default: break
        }
        guard let layer = linearLayers.first(where: { $0.path == inner }) else { return nil }
        let (blocks, names) = blockNames
        let parts = inner.dropFirst(blocks.count).split(separator: ".", maxSplits: 1)
        guard inner.hasPrefix(blocks), parts.count == 2, let name = names[String(parts[1])] else { return nil }
        return ExportedName(text: "blk.\(parts[0]).\(name)", layer: layer)
    }

    /// What the blocks are called, and the layers of one by what GGUF files call them.
    private var blockNames: (prefix: String, layers: [String: String]) {
        switch self {
        case .bert:
            (
                "encoder.layer.",
                [
                    "attention.self.query": "attn_q", "attention.self.key": "attn_k",
                    "attention.self.value": "attn_v", "attention.output.dense": "attn_output",
                    "intermediate.dense": "ffn_up", "output.dense": "ffn_down",
                ]
            )
        case .llama:
            ("layers.", Dictionary(uniqueKeysWithValues: LlamaImport.layerNames.map { ($0.value, $0.key) }))
        }
    }

    /// How many heads the rows of a layer belong to whose halves GGUF files interleave; `nil` for every other layer.
    func rotatedHeadCount(of name: String) -> Int? {
        guard case .llama(let model) = self else { return nil }
        if name.hasSuffix(".attn_q") { return model.headCount }
        if name.hasSuffix(".attn_k") { return model.keyValueHeadCount }
        return nil
    }
}
