/// The pieces of a WordPiece vocabulary, arranged for finding the longest one that starts a given word.
///
/// Two tries over UTF-8 bytes, one for pieces that begin a word and one for those that continue it (written `##piece` in
/// `vocab.txt`). Bytes are compared and never Swift characters, which would hold canonically equal texts for the same.
struct WordPieceVocabulary: Sendable {
    /// How many ids there are.
    let count: Int
    private let begins: Trie
    private let continues: Trie
    /// Ids of whole entries, to look up special tokens.
    private let ids: [[UInt8]: Int32]

    /// Arranges `entries`, whose ids are their positions.
    ///
    /// When an entry occurs twice, the later one counts.
    init(entries: [[UInt8]]) {
        count = entries.count
        var (begins, continues, ids) = (Trie(), Trie(), [[UInt8]: Int32](minimumCapacity: entries.count))
        for (index, entry) in entries.enumerated() where !entry.isEmpty {
            let id = Int32(index)
            ids[entry] = id
            if entry.starts(with: Self.continuation), entry.count > Self.continuation.count {
                continues.insert(entry.dropFirst(Self.continuation.count), id: id)
            } else {
                begins.insert(entry[...], id: id)
            }
        }
        (self.begins, self.continues, self.ids) = (begins, continues, ids)
    }

    private static let continuation = Array("##".utf8)

    /// The id of a whole entry such as `[CLS]`.
    func id(of entry: String) -> Int32? { ids[Array(entry.utf8)] }

    /// Cuts `word` into pieces, always taking the longest one, and appends their ids.
    ///
    /// - Returns: Whether the whole word could be cut; if not, `output` is as it was.
    func appendPieces(of word: [UInt8], to output: inout [Int32]) -> Bool {
        let mark = output.count
        var position = 0
        while position < word.count {
            let trie = position == 0 ? begins : continues
            guard let (id, end) = trie.longestMatch(in: word, from: position) else {
                output.removeSubrange(mark...)
                return false
            }
            output.append(id)
            position = end
        }
        return true
    }
}

/// A prefix tree over bytes whose edges lie in one hash table.
private struct Trie: Sendable {
    /// The node that an edge leads to, keyed by node · 256 + byte.
    private var edges: [UInt64: Int32] = [:]
    /// The id of the entry that ends at each node, or −1.
    private var ids: [Int32] = [-1]

    mutating func insert(_ entry: ArraySlice<UInt8>, id: Int32) {
        var node: Int32 = 0
        for byte in entry {
            let edge = Self.edge(node, byte)
            if let next = edges[edge] {
                node = next
            } else {
                let next = Int32(ids.count)
                ids.append(-1)
                edges[edge] = next
                node = next
            }
        }
        ids[Int(node)] = id
    }

    /// Returns the longest entry that `word` has at `start`, and where it ends.
    func longestMatch(in word: [UInt8], from start: Int) -> (id: Int32, end: Int)? {
        var node: Int32 = 0
        var best: (id: Int32, end: Int)?
        for position in start..<word.count {
            guard let next = edges[Self.edge(node, word[position])] else { break }
            node = next
            if ids[Int(node)] >= 0 { best = (ids[Int(node)], position + 1) }
        }
        return best
    }

    private static func edge(_ node: Int32, _ byte: UInt8) -> UInt64 { UInt64(node) << 8 | UInt64(byte) }
}
