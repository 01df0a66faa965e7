/// Texts as token ids, one after the other and without padding.
struct PackedTexts: Sendable {
    /// The ids of all texts.
    private(set) var tokens: [Int32] = []
    /// Where each text starts, and last where the next one would.
    private(set) var starts: [Int] = [0]

    /// Appends a text of at least one token.
    mutating func append(_ text: some Collection<Int32>) {
        precondition(!text.isEmpty, "a text without tokens")
        tokens += text
        starts.append(tokens.count)
    }

    /// Appends all texts of another batch.
    mutating func append(contentsOf other: PackedTexts) {
        let start = tokens.count
        tokens += other.tokens
        starts += other.starts.dropFirst().lazy.map { $0 + start }
    }

    mutating func removeAll() {
        tokens.removeAll(keepingCapacity: true)
        starts.removeSubrange(1...)
    }

    var tokenCount: Int { tokens.count }
}

/// The texts are elements: the range of each one's tokens.
extension PackedTexts: RandomAccessCollection {
    var startIndex: Int { 0 }
    var endIndex: Int { starts.count - 1 }

    subscript(index: Int) -> Range<Int> { starts[index]..<starts[index + 1] }
}
