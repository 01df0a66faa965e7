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
        // Told apart by their code points: vocabularies have both `Å` and the Ångström sign.
        var vocabulary = JSONObject()
        for (id, token) in tokens.enumerated() { vocabulary[token] = .number(id) }
        guard vocabulary.count == tokens.count else {
            throw .malformedGGUF(path: gguf.path, problem: "has a token twice in 'tokenizer.ggml.tokens'")
        }
        vocabularySize = tokens.count
        let types: [Int] =
            if case .integers(let types)? = gguf.values["tokenizer.ggml.token_type"] { types } else { [] }
        let added = zip(tokens.indices, types).filter { $1 == Self.control || $1 == Self.userDefined }
        let bytes = Self.object([
            ("type", .string("ByteLevel")), ("add_prefix_space", .bool(false)), ("trim_offsets", .bool(true)),
            ("use_regex", .bool(true)),
        ])
        let digits = Self.object([("type", .string("Digits")), ("individual_digits", .bool(true))])
        let model = Self.object([
            ("type", .string("BPE")), ("fuse_unk", .bool(false)), ("byte_fallback", .bool(false)),
            ("vocab", .object(vocabulary)),
            ("merges", .array(try gguf.texts("tokenizer.ggml.merges").map(JSONValue.string))),
        ])
        let splitters = Self.splittersOfDigits.contains(splitter) ? [digits, bytes] : [bytes]
        file =
            Self.object([
                ("version", .string("1.0")),
                ("added_tokens", .array(added.map { Self.added(tokens[$0], id: $0, isSpecial: $1 == Self.control) })),
                ("model", model),
                (
                    "pre_tokenizer",
                    Self.object([("type", .string("Sequence")), ("pretokenizers", .array(splitters))])
                ),
                ("decoder", bytes),
            ]).pythonText
        configuration = Self.configuration(of: gguf, tokens: tokens).pythonText
    }

    /// `tokenizer_config.json`: which tokens have a part to play, and how a conversation is written.
    private static func configuration(of gguf: GGUFFile, tokens: [String]) -> JSONValue {
        var members: [(String, JSONValue)] = [("tokenizer_class", .string("PreTrainedTokenizerFast"))]
        for (key, name) in [
            ("bos_token", "bos"), ("eos_token", "eos"), ("unk_token", "unknown"), ("pad_token", "padding"),
        ] {
            guard case .integer(let id)? = gguf.values["tokenizer.ggml.\(name)_token_id"], tokens.indices.contains(id)
            else { continue }
            members.append((key, .string(tokens[id])))
        }
        if case .text(let template)? = gguf.values["tokenizer.chat_template"] {
            members.append(("chat_template", .string(template)))
        }
        if case .integer(let length)? = gguf.values["llama.context_length"] {
            members.append(("model_max_length", .number(length)))
        }
        return object(members)
    }

    private static func added(_ token: String, id: Int, isSpecial: Bool) -> JSONValue {
        object([
            ("id", .number(id)), ("content", .string(token)), ("single_word", .bool(false)), ("lstrip", .bool(false)),
            ("rstrip", .bool(false)), ("normalized", .bool(false)), ("special", .bool(isSpecial)),
        ])
    }

    private static func object(_ members: [(String, JSONValue)]) -> JSONValue {
        var object = JSONObject()
        for (name, value) in members { object[name] = value }
        return .object(object)
    }
}
