/// Names the streams of random numbers that a training draws, so that no two of them overlap.
enum RandomStream {
    static let shuffle: UInt64 = 1
    static let dropout: UInt64 = 2
    static let sample: UInt64 = 3
    static let privateBatches: UInt64 = 4
    static let privateNoise: UInt64 = 5

    /// Returns a number for a client's name, the same in every process: FNV-1a of its UTF-8 bytes.
    static func number(of name: String) -> UInt64 {
        name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
}
