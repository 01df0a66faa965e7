import NIOCore

extension ByteBuffer {
    /// Takes 32 bytes as a digest, or returns `nil` and takes nothing when there are fewer.
    mutating func readPayloadDigest() -> PayloadDigest? {
        guard let words = readMultipleIntegers(as: (UInt64, UInt64, UInt64, UInt64).self) else { return nil }
        return PayloadDigest(words: .init(first: words.0, second: words.1, third: words.2, fourth: words.3))
    }

    mutating func writePayloadDigest(_ digest: PayloadDigest) {
        let words = digest.words
        writeMultipleIntegers(words.first, words.second, words.third, words.fourth)
    }
}
