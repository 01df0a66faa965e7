import Training

/// Makes each kind of tokenizer of a file, and cuts a text with it.
enum TokenizerFuzzing {
    private static let text = "Low lower\u{301} [MASK] 2026\u{A0}Ångström 漢字 ab\n\u{1F469}\u{200D}\u{1F4BB} unhappiness"

    static func run(_ bytes: [UInt8]) {
        if let tokenizer = try? WordPieceTokenizer(parsing: bytes, source: "input") { _ = tokenizer.encode(text) }
        if let tokenizer = try? ByteLevelTokenizer(parsing: bytes, source: "input") { _ = tokenizer.encode(text) }
    }
}
