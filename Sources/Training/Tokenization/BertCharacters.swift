/// How uncased BERT prepares text: what becomes of each Unicode scalar before words are cut into pieces.
///
/// Control characters and accents vanish, letters become lower case, and white space, punctuation and Chinese
/// characters end a word (Devlin et al., 2019; `BertNormalizer` and `BertPreTokenizer` of Hugging Face's `tokenizers`).
/// Canonical decomposition is part of it, but not the reordering of marks: the 181 combining marks that the reference
/// keeps are in no uncased BERT vocabulary, and a word with such a mark is unknown in any order.
struct BertCharacters: Sendable {
    /// The tables, decoded once.
    static let shared = BertCharacters()

    private let removed: ScalarRanges
    private let punctuation: ScalarRanges
    /// The targets of each mapped scalar.
    private let mapped: [UInt32: [UInt32]]

    private init() {
        removed = ScalarRanges(BertCharacterTables.removed)
        punctuation = ScalarRanges(BertCharacterTables.punctuation)
        mapped = Self.mappings(BertCharacterTables.mapped)
    }

    /// What a scalar does to the word that is being read.
    enum Effect {
        case removed
        case endsWord
        /// Is a word of its own.
        case word(UInt32)
        case extends(UInt32)
        /// Stands for several scalars, each of which extends the word or is punctuation.
        case several([UInt32])
    }

    func effect(of scalar: Unicode.Scalar) -> Effect {
        let value = scalar.value
        if value < 0x80 { return effectOfASCII(value) }
        if Self.isWhiteSpace(value) { return .endsWord }
        if removed.contains(value) { return .removed }
        if Self.isChinese(value) { return .word(mapped[value]?.first ?? value) }
        if let syllable = Self.jamo(of: value) { return .several(syllable) }
        guard let targets = mapped[value] else { return punctuationOrLetter(value) }
        return targets.count == 1 ? punctuationOrLetter(targets[0]) : .several(targets)
    }

    /// Whether a scalar that is already normalised is a word of its own.
    func isPunctuation(_ value: UInt32) -> Bool {
        if value < 0x80 {
            return (0x21...0x2F).contains(value) || (0x3A...0x40).contains(value) || (0x5B...0x60).contains(value)
                || (0x7B...0x7E).contains(value)
        }
        return punctuation.contains(value)
    }

    private func effectOfASCII(_ value: UInt32) -> Effect {
        switch value {
        case 0x61...0x7A, 0x30...0x39: .extends(value)
        case 0x41...0x5A: .extends(value + 0x20)
        case 0x20, 0x09, 0x0A, 0x0D: .endsWord
        case 0x00...0x1F, 0x7F: .removed
        default: .word(value)
        }
    }

    private func punctuationOrLetter(_ value: UInt32) -> Effect {
        isPunctuation(value) ? .word(value) : .extends(value)
    }

    /// The White_Space scalars beyond ASCII that are not control characters.
    private static func isWhiteSpace(_ value: UInt32) -> Bool {
        switch value {
        case 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: true
        default: false
        }
    }

    /// The blocks that BERT calls Chinese characters; Japanese kana and Korean are words like any other.
    private static func isChinese(_ value: UInt32) -> Bool {
        switch value {
        case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F,
            0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
            true
        default: false
        }
    }

    /// The two or three letters of a Korean syllable (The Unicode Standard, section 3.12).
    private static func jamo(of value: UInt32) -> [UInt32]? {
        guard (0xAC00...0xD7A3).contains(value) else { return nil }
        let index = value - 0xAC00
        let letters = [0x1100 + index / 588, 0x1161 + index % 588 / 28]
        return index % 28 == 0 ? letters : letters + [0x11A7 + index % 28]
    }

    // MARK: - Decoding the tables

    /// Decodes `first-last+shift`, `first-last/2+shift` and `first=a,b,c.d` words.
    ///
    /// The text is part of the program, so what does not follow the notation is our own mistake.
    private static func mappings(_ text: String) -> [UInt32: [UInt32]] {
        var found: [UInt32: [UInt32]] = [:]
        for word in text.split(separator: " ") {
            if let equals = word.firstIndex(of: "=") {
                var source = hexadecimal(word[..<equals])
                for target in word[word.index(after: equals)...].split(separator: ",") {
                    found[source] = target.split(separator: ".").map(hexadecimal)
                    source += 1
                }
            } else {
                let numbers = word.split { "-+/".contains($0) }.map(hexadecimal)
                let everySecond = word.contains("/")
                let shift = numbers[everySecond ? 3 : 2]
                let rises = word.contains("+")
                for source in stride(from: numbers[0], through: numbers[1], by: everySecond ? 2 : 1) {
                    found[source] = [rises ? source + shift : source - shift]
                }
            }
        }
        return found
    }

    fileprivate static func hexadecimal(_ digits: Substring) -> UInt32 {
        guard let value = UInt32(digits, radix: 16) else { preconditionFailure("'\(digits)' is not hexadecimal") }
        return value
    }
}

/// A set of scalars as sorted ranges.
private struct ScalarRanges: Sendable {
    private let firsts: [UInt32]
    private let lasts: [UInt32]

    /// Decodes `first-last` or single hexadecimal numbers, in ascending order.
    init(_ text: String) {
        let ranges = text.split(separator: " ").map { $0.split(separator: "-").map(BertCharacters.hexadecimal) }
        firsts = ranges.compactMap(\.first)
        lasts = ranges.compactMap(\.last)
    }

    /// Returns whether the set has `value`.
    ///
    /// - Complexity: O(log n) for n ranges.
    func contains(_ value: UInt32) -> Bool {
        var (low, high) = (0, firsts.count)
        while low < high {
            let middle = (low + high) / 2
            if lasts[middle] < value { low = middle + 1 } else { high = middle }
        }
        return low < firsts.count && firsts[low] <= value
    }
}
