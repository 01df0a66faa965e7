package import Foundation
private import Synchronization

/// Turns text into the token ids of a byte-level BPE vocabulary, as GPT-2, Llama 3 and SmolLM2 have one.
///
/// Words are cut out by a pattern, their UTF-8 bytes are looked up and neighbours merged. The ids are those of Hugging
/// Face's `tokenizers` with the same `tokenizer.json`; the truncation and padding that the file may prescribe are ignored.
package struct ByteLevelTokenizer: TextTokenizer {
    /// The id of each byte; −1 for those that have none.
    let idOfByte: [Int32]
    /// What stands for a byte that has no id; `nil` when such bytes are left out.
    let unknown: Int32?
    let merges: BytePairMerges
    /// Whole words by their bytes, where those count before any merge.
    let wholeWords: [[UInt8]: Int32]
    let splitter: ByteLevelSplitter
    let added: AddedTokens
    /// The special tokens that every text begins with.
    let prefix: [Int32]
    /// The special tokens that every text ends with.
    let suffix: [Int32]
    package let vocabularySize: Int
    package var endsWithSpecialToken: Bool { !suffix.isEmpty }
    private let cache = WordCache()

    init(
        idOfByte: [Int32],
        unknown: Int32?,
        merges: BytePairMerges,
        wholeWords: [[UInt8]: Int32],
        splitter: ByteLevelSplitter,
        added: AddedTokens,
        prefix: [Int32],
        suffix: [Int32],
        vocabularySize: Int
    ) {
        self.idOfByte = idOfByte
        self.unknown = unknown
        self.merges = merges
        self.wholeWords = wholeWords
        self.splitter = splitter
        self.added = added
        self.prefix = prefix
        self.suffix = suffix
        self.vocabularySize = vocabularySize
    }

    /// Reads the tokenizer of a model's folder.
    ///
    /// - Parameter folder: A Hugging Face model with `tokenizer.json`.
    /// - Throws: ``TrainingError`` that names the file, and the key that is missing, broken or not supported.
    package init(modelFolder folder: URL) throws {
        try self.init(TokenizerFile(modelFolder: folder))
    }

    /// Returns the ids of `text` with the special tokens around it, at most `maximumLength` of them.
    ///
    /// What is longer loses its end; an empty text has the special tokens alone, and often none.
    package func encode(_ text: String, maximumLength: Int = .max) -> [Int32] {
        let room = max(maximumLength - prefix.count - suffix.count, 0)
        let pieces = pieces(of: text, limit: room)
        return prefix.isEmpty && suffix.isEmpty ? pieces : prefix + pieces + suffix
    }

    /// Returns the first `limit` ids of `text` alone.
    private func pieces(of text: String, limit: Int) -> [Int32] {
        let scalars = Array(text.unicodeScalars)
        var ids: [Int32] = []
        var bytes: [UInt8] = []
        for part in added.split(scalars) where ids.count < limit {
            switch part {
            case .token(let id): ids.append(id)
            case .text(let range):
                splitter.forEachWord(of: scalars[range]) { word in
                    guard ids.count < limit else { return }
                    bytes.removeAll(keepingCapacity: true)
                    for scalar in word { bytes.append(contentsOf: UTF8.encode(scalar) ?? .init()) }
                    ids += cache.tokens(of: bytes) { merge(bytes) }
                }
            }
        }
        if ids.count > limit { ids.removeSubrange(limit...) }
        return ids
    }

    /// Returns the tokens of one word.
    private func merge(_ bytes: [UInt8]) -> [Int32] {
        if let whole = wholeWords[bytes] { return [whole] }
        var tokens: [Int32] = []
        tokens.reserveCapacity(bytes.count)
        for byte in bytes {
            let id = idOfByte[Int(byte)]
            if id >= 0 { tokens.append(id) } else if let unknown { tokens.append(unknown) }
        }
        merges.apply(to: &tokens)
        return tokens
    }
}

/// The tokens of words that have been seen: most words of a corpus come again.
///
/// Shared by the copies of a tokenizer and by threads; it forgets everything when it is full.
private final class WordCache: Sendable {
    private let words = Mutex<[[UInt8]: [Int32]]>([:])

    private static let capacity = 1 << 16
    /// Longer words hardly come again.
    private static let longestWord = 32

    func tokens(of bytes: [UInt8], else find: () -> [Int32]) -> [Int32] {
        guard bytes.count <= Self.longestWord else { return find() }
        if let known = words.withLock({ $0[bytes] }) { return known }
        let found = find()
        words.withLock { words in
            if words.count >= Self.capacity { words.removeAll(keepingCapacity: true) }
            words[bytes] = found
        }
        return found
    }
}
