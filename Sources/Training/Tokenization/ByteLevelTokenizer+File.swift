import Adapters

extension ByteLevelTokenizer {
    /// Reads the content of a `tokenizer.json`; messages call it `source`.
    ///
    /// - Throws: ``TrainingError`` that names the key which is missing, broken or not supported.
    package init(parsing bytes: [UInt8], source: String) throws(TrainingError) {
        try self.init(TokenizerFile(parsing: bytes.span, path: source))
    }

    /// Reads a `tokenizer.json` with a byte-level BPE model.
    ///
    /// - Throws: ``TrainingError`` that names the key which is missing, broken or not supported.
    init(_ file: TokenizerFile) throws(TrainingError) {
        let type = try file.string("model.type") ?? "BPE"
        guard type == "BPE" else {
            throw file.flaw(at: "model.type", "is '\(type)' and not 'BPE'", remedy: Self.otherTrainer)
        }
        for key in ["model.dropout", "model.continuing_subword_prefix", "model.end_of_word_suffix", "normalizer"] {
            guard file.value(key) == nil || file.value(key)?.string == "" else {
                throw file.flaw(at: key, "is not supported", remedy: Self.otherTrainer)
            }
        }
        try file.expect("model.byte_fallback", among: .bool(false))
        try file.expect("model.fuse_unk", among: .bool(false))

        let entries = try file.vocabulary()
        let ids = Dictionary(
            entries.enumerated().filter { !$1.isEmpty }.map { ($1, Int32($0)) },
            uniquingKeysWith: { _, later in later }
        )
        let merges = try Self.merges(in: file, ids: ids)
        let added = AddedTokens(try file.addedTokens())
        let (prefix, suffix) = try Self.template(in: file)
        let largestSpecial = (prefix + suffix).max() ?? -1
        let unknown = try file.string("model.unk_token")
        if let unknown, ids[Array(unknown.utf8)] == nil {
            throw file.flaw(at: "model.unk_token", "is no entry of `model.vocab`")
        }
        self.init(
            idOfByte: ByteAlphabet.scalars.map { ids[Array(String($0).utf8)] ?? -1 },
            unknown: unknown.flatMap { ids[Array($0.utf8)] },
            merges: merges,
            wholeWords: try file.bool("model.ignore_merges") ?? false ? Self.wholeWords(entries) : [:],
            splitter: try Self.splitter(in: file),
            added: added,
            prefix: prefix,
            suffix: suffix,
            vocabularySize: max(entries.count, added.idLimit, Int(largestSpecial) + 1)
        )
    }

    private static let otherTrainer = "Use the command trainer for this model."

    /// Reads `model.merges`: pairs, or texts with a space between two tokens.
    private static func merges(
        in file: TokenizerFile,
        ids: [[UInt8]: Int32]
    ) throws(TrainingError) -> BytePairMerges {
        guard let list = try file.array("model.merges") else { throw file.flaw(at: "model.merges", "is missing") }
        var merges = BytePairMerges(minimumCapacity: list.count)
        for (rank, value) in list.enumerated() {
            let key = "model.merges[\(rank)]"
            let pair =
                value.strings.map { $0.map { Array($0.utf8) } }
                ?? value.string.map { $0.utf8.split(separator: UInt8(ascii: " ")).map { Array($0) } }
            guard let pair, pair.count == 2 else { throw file.flaw(at: key, "is no pair of tokens") }
            guard let left = ids[pair[0]], let right = ids[pair[1]], let result = ids[pair[0] + pair[1]] else {
                throw file.flaw(at: key, "has a token that is not in `model.vocab`")
            }
            merges.append(left, right, to: result, rank: rank)
        }
        return merges
    }

    private static func wholeWords(_ entries: [[UInt8]]) -> [[UInt8]: Int32] {
        var words: [[UInt8]: Int32] = [:]
        for (id, entry) in entries.enumerated() where !entry.isEmpty {
            if let bytes = ByteAlphabet.bytes(of: String(decoding: entry, as: UTF8.self)) { words[bytes] = Int32(id) }
        }
        return words
    }

    /// Reads `pre_tokenizer`: `ByteLevel`, perhaps with `Digits` before it.
    private static func splitter(in file: TokenizerFile) throws(TrainingError) -> ByteLevelSplitter {
        let key = "pre_tokenizer"
        guard let root = try file.object(key) else { throw file.flaw(at: key, "is missing") }
        var steps = [root]
        if root["type"]?.string == "Sequence", case .array(let list) = root["pretokenizers"] {
            steps = list.compactMap(\.object)
        }
        var separatesDigits = false
        var splitter: ByteLevelSplitter?
        for step in steps {
            switch step["type"]?.string {
            case "Digits" where splitter == nil && step["individual_digits"]?.bool == true: separatesDigits = true
            case "ByteLevel" where splitter == nil:
                splitter = ByteLevelSplitter(
                    separatesDigits: separatesDigits,
                    addsPrefixSpace: step["add_prefix_space"]?.bool ?? true,
                    usesPattern: step["use_regex"]?.bool ?? true
                )
            default:
                throw file.flaw(
                    at: key,
                    "has a step of type '\(step["type"]?.string ?? "")' that is not supported",
                    remedy: otherTrainer
                )
            }
        }
        guard let splitter else { throw file.flaw(at: key, "has no step of type 'ByteLevel'", remedy: otherTrainer) }
        return splitter
    }

    /// Reads the special tokens that `post_processor` puts around a text.
    private static func template(in file: TokenizerFile) throws(TrainingError) -> (prefix: [Int32], suffix: [Int32]) {
        let key = "post_processor"
        guard let root = try file.object(key) else { return ([], []) }
        var steps = [root]
        if root["type"]?.string == "Sequence", case .array(let list) = root["processors"] {
            steps = list.compactMap(\.object)
        }
        var (prefix, suffix): ([Int32], [Int32]) = ([], [])
        for step in steps {
            switch step["type"]?.string {
            case "ByteLevel": break
            case "TemplateProcessing":
                guard case .array(let pieces) = step["single"] else {
                    throw file.flaw(at: "\(key).single", "is missing")
                }
                var isAfterText = false
                for piece in pieces.compactMap(\.object) {
                    if piece["Sequence"] != nil {
                        isAfterText = true
                        continue
                    }
                    guard let name = piece["SpecialToken"]?.object?["id"]?.string,
                        case .array(let ids) = step["special_tokens"]?.object?[name]?.object?["ids"]
                    else { throw file.flaw(at: "\(key).single", "has a piece without ids in `special_tokens`") }
                    for id in ids {
                        guard let number = id.integer, 0 <= number, number < 1 << 28 else {
                            throw file.flaw(at: "\(key).special_tokens", "gives '\(name)' an id that no token can have")
                        }
                        if isAfterText { suffix.append(Int32(number)) } else { prefix.append(Int32(number)) }
                    }
                }
            default:
                throw file.flaw(at: key, "has a type that is not supported", remedy: otherTrainer)
            }
        }
        return (prefix, suffix)
    }
}
