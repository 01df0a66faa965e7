package import Foundation

/// Turns text into the token ids of an uncased BERT model.
///
/// The ids are those of Hugging Face's `tokenizers` with the same vocabulary. The truncation and padding that a
/// `tokenizer.json` may prescribe are ignored: the caller says how long a text may be, and nothing is padded.
package struct WordPieceTokenizer: TextTokenizer {
    static let fileName = "vocab.txt"
    static let configurationFileName = "tokenizer_config.json"

    private let vocabulary: WordPieceVocabulary
    private let unknown: Int32
    private let start: Int32
    private let end: Int32
    /// The entries that stand for themselves when a text has them literally.
    private let specials: [(scalars: [Unicode.Scalar], id: Int32)]

    /// Words of more scalars than this are unknown.
    private static let longestWord = 100

    /// Reads the vocabulary of a model's folder.
    ///
    /// - Parameter folder: A Hugging Face model with `vocab.txt`, one entry a line.
    /// - Throws: ``TrainingError`` when the file cannot be read, has no `[UNK]`, `[CLS]` or `[SEP]`, or when
    ///   `tokenizer_config.json` asks for a cased model.
    package init(modelFolder folder: URL) throws {
        let configuration = folder.appendingPathComponent(Self.configurationFileName)
        if let data = try? Data(contentsOf: configuration),
            let options = try? JSONDecoder().decode(Options.self, from: data), options.lowercases == false
        {
            throw TrainingError.unsupportedModel(
                file: configuration.path,
                problem: "asks for a cased tokenizer",
                remedy: "Use an uncased BERT model, or the command trainer."
            )
        }
        let file = folder.appendingPathComponent(Self.fileName)
        let data: Data
        do {
            data = try Data(contentsOf: file)
        } catch {
            throw TrainingError.unreadableFile(path: file.path, reason: error.localizedDescription)
        }
        var entries = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map {
            [UInt8]($0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0)
        }
        if entries.last?.isEmpty == true { entries.removeLast() }
        try self.init(entries: entries, source: file.path)
    }

    /// Creates a tokenizer from the entries of a vocabulary in the order of their ids.
    ///
    /// - Throws: ``TrainingError/unsupportedModel(file:problem:remedy:)`` when a special entry is missing.
    package init(entries: [[UInt8]], source: String = "the vocabulary") throws(TrainingError) {
        let vocabulary = WordPieceVocabulary(entries: entries)
        func special(_ entry: String) throws(TrainingError) -> Int32 {
            guard let id = vocabulary.id(of: entry) else {
                throw .unsupportedModel(
                    file: source,
                    problem: "has no entry '\(entry)'",
                    remedy: "Copy the vocab.txt that belongs to the model."
                )
            }
            return id
        }
        self.unknown = try special("[UNK]")
        self.start = try special("[CLS]")
        self.end = try special("[SEP]")
        self.specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].compactMap { entry in
            vocabulary.id(of: entry).map { (Array(entry.unicodeScalars), $0) }
        }
        self.vocabulary = vocabulary
    }

    /// How many ids the vocabulary has.
    package var vocabularySize: Int { vocabulary.count }

    package var endsWithSpecialToken: Bool { true }

    /// Returns the ids of `text` between `[CLS]` and `[SEP]`, at most `maximumLength` of them.
    ///
    /// What is longer loses its end; an empty text has two ids.
    package func encode(_ text: String, maximumLength: Int = .max) -> [Int32] {
        enclose(pieces(of: text, limit: max(maximumLength, 2) - 2)[...])
    }

    /// Returns `pieces` between `[CLS]` and `[SEP]`.
    package func enclose(_ pieces: ArraySlice<Int32>) -> [Int32] {
        var ids: [Int32] = []
        ids.reserveCapacity(pieces.count + 2)
        ids.append(start)
        ids += pieces
        ids.append(end)
        return ids
    }

    /// Returns the first `limit` ids of `text` alone.
    package func pieces(of text: String, limit: Int = .max) -> [Int32] {
        var reader = WordReader(tokenizer: self)
        let scalars = text.unicodeScalars
        var position = scalars.startIndex
        while position < scalars.endIndex, reader.ids.count < limit {
            if scalars[position] == "[", let special = special(at: position, in: scalars) {
                reader.endWord()
                reader.ids.append(special.id)
                scalars.formIndex(&position, offsetBy: special.length)
            } else {
                reader.read(scalars[position])
                scalars.formIndex(after: &position)
            }
        }
        reader.endWord()
        if reader.ids.count > limit { reader.ids.removeSubrange(limit...) }
        return reader.ids
    }

    private func special(
        at position: String.UnicodeScalarView.Index,
        in scalars: String.UnicodeScalarView
    ) -> (id: Int32, length: Int)? {
        for special in specials where scalars[position...].starts(with: special.scalars) {
            return (special.id, special.scalars.count)
        }
        return nil
    }

    /// The one key of `tokenizer_config.json` that changes ids.
    private struct Options: Decodable {
        let lowercases: Bool?

        private enum CodingKeys: String, CodingKey {
            case lowercases = "do_lower_case"
        }
    }

    /// Gathers scalars into words and cuts each finished word into pieces.
    private struct WordReader {
        let tokenizer: WordPieceTokenizer
        var ids: [Int32] = []
        private var word: [UInt8] = []
        private var wordLength = 0

        init(tokenizer: WordPieceTokenizer) { self.tokenizer = tokenizer }

        mutating func read(_ scalar: Unicode.Scalar) {
            switch BertCharacters.shared.effect(of: scalar) {
            case .removed: break
            case .endsWord: endWord()
            case .word(let value): readWord(value)
            case .extends(let value): append(value)
            case .several(let values):
                for value in values {
                    if BertCharacters.shared.isPunctuation(value) { readWord(value) } else { append(value) }
                }
            }
        }

        mutating func endWord() {
            guard wordLength > 0 else { return }
            if wordLength > WordPieceTokenizer.longestWord
                || !tokenizer.vocabulary.appendPieces(of: word, to: &ids)
            {
                ids.append(tokenizer.unknown)
            }
            word.removeAll(keepingCapacity: true)
            wordLength = 0
        }

        private mutating func readWord(_ value: UInt32) {
            endWord()
            append(value)
            endWord()
        }

        private mutating func append(_ value: UInt32) {
            guard let scalar = Unicode.Scalar(value) else { return }
            word.append(contentsOf: Unicode.UTF8.encode(scalar) ?? Unicode.UTF8.encodedReplacementCharacter)
            wordLength += 1
        }
    }
}
