import Adapters

extension WordPieceTokenizer {
    /// Reads the content of a `tokenizer.json`; messages call it `source`.
    ///
    /// - Throws: ``TrainingError`` that names the key which is missing, broken or not supported.
    package init(parsing bytes: [UInt8], source: String) throws(TrainingError) {
        try self.init(TokenizerFile(parsing: bytes.span, path: source))
    }

    /// Reads a `tokenizer.json` with the WordPiece model of an uncased BERT.
    ///
    /// - Throws: ``TrainingError`` that names the key which is missing, broken or not supported.
    init(_ file: TokenizerFile) throws(TrainingError) {
        let type = try file.string("model.type") ?? "WordPiece"
        guard type == "WordPiece" else {
            throw file.flaw(
                at: "model.type",
                "is '\(type)' and not 'WordPiece'",
                remedy: "Use the command trainer for this model."
            )
        }
        try file.expect("model.continuing_subword_prefix", among: .string("##"))
        try file.expect("model.max_input_chars_per_word", among: .number(100))
        try file.expect("model.unk_token", among: .string("[UNK]"))
        try file.expect("normalizer.type", among: .string("BertNormalizer"))
        for key in ["lowercase", "strip_accents", "clean_text", "handle_chinese_chars"] {
            try file.expect("normalizer.\(key)", among: .bool(true))
        }
        try file.expect("pre_tokenizer.type", among: .string("BertPreTokenizer"))
        try self.init(entries: try file.vocabulary(), source: file.path)
    }
}
