/// Cuts text into the words that byte pairs are merged within.
///
/// GPT-2's pattern, by hand: `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`, where the
/// alternatives are tried in this order; before it, each digit may be cut out (the `Digits` pre-tokenizer).
struct ByteLevelSplitter: Sendable {
    /// Whether each numeric character is a word by itself.
    let separatesDigits: Bool
    /// Whether a piece that starts without a space is given one.
    let addsPrefixSpace: Bool
    /// Whether the pattern is applied at all.
    let usesPattern: Bool

    /// What the pattern distinguishes.
    private enum Class: UInt8 {
        case letter
        case number
        case space
        case other
    }

    /// Calls `body` with each word of `text`, in order.
    func forEachWord(of text: ArraySlice<Unicode.Scalar>, _ body: (ArraySlice<Unicode.Scalar>) -> Void) {
        guard separatesDigits else { return splitPiece(text, body) }
        var start = text.startIndex
        for index in text.indices where Self.isNumeric(text[index]) {
            if start < index { splitPiece(text[start..<index], body) }
            splitPiece(text[index...index], body)
            start = index + 1
        }
        if start < text.endIndex { splitPiece(text[start...], body) }
    }

    private func splitPiece(_ piece: ArraySlice<Unicode.Scalar>, _ body: (ArraySlice<Unicode.Scalar>) -> Void) {
        var piece = piece
        if addsPrefixSpace, piece.first != " " { piece = ([" "] + piece)[...] }
        guard usesPattern else { return body(piece) }
        var start = piece.startIndex
        while start < piece.endIndex {
            let end = endOfWord(from: start, in: piece)
            body(piece[start..<end])
            start = end
        }
    }

    /// Where the word that begins at `start` ends.
    private func endOfWord(from start: Int, in piece: ArraySlice<Unicode.Scalar>) -> Int {
        let first = piece[start]
        if first == "'", let end = endOfContraction(from: start, in: piece) { return end }
        // One space may come before a letter, number or sign.
        let next = start + 1
        if first == " ", next < piece.endIndex {
            let kind = Self.kind(of: piece[next])
            if kind != .space { return endOfRun(of: kind, from: next, in: piece) }
        }
        let kind = Self.kind(of: first)
        let end = endOfRun(of: kind, from: start, in: piece)
        // White space before something else leaves its last character to that, unless it is the only one.
        return kind == .space && end < piece.endIndex && end > next ? end - 1 : end
    }

    private func endOfRun(of kind: Class, from start: Int, in piece: ArraySlice<Unicode.Scalar>) -> Int {
        var end = start + 1
        while end < piece.endIndex, Self.kind(of: piece[end]) == kind { end += 1 }
        return end
    }

    private func endOfContraction(from start: Int, in piece: ArraySlice<Unicode.Scalar>) -> Int? {
        let rest = piece[(start + 1)...]
        guard let letter = rest.first else { return nil }
        if ["s", "t", "m", "d"].contains(letter) { return start + 2 }
        for pair in [["r", "e"], ["v", "e"], ["l", "l"]] as [[Unicode.Scalar]] where rest.starts(with: pair) {
            return start + 3
        }
        return nil
    }

    // MARK: - Characters

    private static func kind(of scalar: Unicode.Scalar) -> Class {
        switch scalar.value {
        case 0x41...0x5A, 0x61...0x7A: return .letter
        case 0x30...0x39: return .number
        case 0x09...0x0D, 0x20: return .space
        case 0x00...0x7F: return .other
        case 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: return .space
        default: break
        }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return .letter
        case .decimalNumber, .letterNumber, .otherNumber: return .number
        default: return .other
        }
    }

    private static func isNumeric(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x80 ? (0x30...0x39).contains(scalar.value) : kind(of: scalar) == .number
    }
}
