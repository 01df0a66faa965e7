/// The byte-level BPE tokenizer of a GGUF file, as the files that Hugging Face's libraries read.
struct GGUFTokenizer {
    /// Ways to cut text into words, by the names that GGUF has for them: those that cut before each digit, and the rest.
    private static let splittersOfDigits: Set<String> = ["smollm", "starcoder", "refact", "command-r"]
    private static let plainSplitters: Set<String> = ["gpt-2", "default", "mpt"]
    /// Tokens of these types are never cut or merged.
    private static let (control, userDefined) = (3, 4)

    /// `tokenizer.json`.
    let file: String
    /// `tokenizer_config.json`.
    let configuration: String
    let vocabularySize: Int

    /// - Throws: ``AdapterError`` that names the key.
    init(_ gguf: GGUFFile) throws(AdapterError) {
        let kind = try gguf.text("tokenizer.ggml.model")
        let splitter = try gguf.text("tokenizer.ggml.pre")
        guard kind == "gpt2", Self.splittersOfDigits.union(Self.plainSplitters).contains(splitter) else {
            throw .unsupported(
                feature: "the tokenizer '\(kind)' with the splitter '\(splitter)'",
                path: gguf.path,
                advice: "Only byte-level BPE as in GPT-2 and SmolLM2 can be imported."
            )
        }
        let tokens = try gguf.texts("tokenizer.ggml.tokens")
        let vocabulary = Dictionary(zip(tokens, 0...), uniquingKeysWith: { first, _ in first })
        guard vocabulary.count == tokens.count else {
            throw .malformedGGUF(path: gguf.path, problem: "has a token twice in 'tokenizer.ggml.tokens'")
        }
        vocabularySize = tokens.count
        let types: [Int] =
            if case .integers(let types)? = gguf.values["tokenizer.ggml.token_type"] { types } else { [] }
        let added: [[String: any Sendable]] = zip(tokens.indices, types)
            .filter { $1 == Self.control || $1 == Self.userDefined }
            .map { id, type in
                [
                    "id": id, "content": tokens[id], "single_word": false, "lstrip": false, "rstrip": false,
                    "normalized": false, "special": type == Self.control,
                ]
            }
        let bytes: [String: any Sendable] = [
            "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true,
        ]
        let digits: [String: any Sendable] = ["type": "Digits", "individual_digits": true]
        let splitters = Self.splittersOfDigits.contains(splitter) ? [digits, bytes] : [bytes]
        let model: [String: any Sendable] = [
            "type": "BPE", "fuse_unk": false, "byte_fallback": false, "vocab": vocabulary,
            "merges": try gguf.texts("tokenizer.ggml.merges"),
        ]
        file = try JSONText.of([
            "version": "1.0", "added_tokens": added, "model": model,
            "pre_tokenizer": ["type": "Sequence", "pretokenizers": splitters] as [String: any Sendable],
            "decoder": bytes,
        ])
        var configuration: [String: any Sendable] = ["tokenizer_class": "PreTrainedTokenizerFast"]
        for (key, name) in [
            ("bos_token", "bos"), ("eos_token", "eos"), ("unk_token", "unknown"), ("pad_token", "padding"),
        ] {
            if case .integer(let id)? = gguf.values["tokenizer.ggml.\(name)_token_id"], tokens.indices.contains(id) {
                configuration[key] = tokens[id]
            }
        }
        if case .text(let template)? = gguf.values["tokenizer.chat_template"] {
            configuration["chat_template"] = template
        }
        if case .integer(let length)? = gguf.values["llama.context_length"] {
            configuration["model_max_length"] = length
        }
        self.configuration = try JSONText.of(configuration)
    }
}
