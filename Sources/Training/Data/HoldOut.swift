/// Which rows of a file that names no split are kept for evaluation: every fifth document, by a seeded hash.
///
/// All rows of a document fall on the same side, or the evaluation would see texts that were half trained on. The choice
/// depends on the documents' names alone, so a file that grows keeps its old split, beyond the one document that is forced
/// to each side.
struct HoldOut {
    /// The share of documents that is held out.
    static let share = 0.2

    let seed: UInt64

    /// Returns for each of `documents` whether its rows are held out.
    ///
    /// When there are two documents or more, each side gets at least one; a single one is trained on.
    func choose(among documents: [String]) -> [String: Bool] {
        let hashes = Dictionary(documents.map { ($0, hash($0)) }, uniquingKeysWith: { first, _ in first })
        let threshold = UInt64(Self.share * 0x1p53)
        var heldOut = hashes.mapValues { $0 >> 11 < threshold }
        let ordered = hashes.sorted { ($0.value, $0.key) < ($1.value, $1.key) }
        if let least = ordered.first, let greatest = ordered.last {
            heldOut[least.key] = true
            heldOut[greatest.key] = false
        }
        return heldOut
    }

    /// FNV-1a over the name's UTF-8 bytes, then SplitMix64's finalizer with the seed.
    private func hash(_ name: String) -> UInt64 {
        let bytes = name.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        var value = (bytes ^ seed) &+ 0x9E37_79B9_7F4A_7C15
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
