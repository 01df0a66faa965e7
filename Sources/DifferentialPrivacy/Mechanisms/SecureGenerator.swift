/// Random numbers that follow from a secret key and from nothing that can be guessed.
///
/// What decides who takes part is as secret as the noise: an accountant that counts on sampling counts on nobody knowing
/// the sample.
package struct SecureGenerator: RandomNumberGenerator, Sendable {
    private let key: NoiseKey
    private var words: [UInt64] = []
    private var place = 0
    private var block: UInt64 = 0

    /// Starts the generator of a key, which is used for nothing else.
    package init(key: NoiseKey) { self.key = key.derived(for: "generator") }

    private static let wordsPerBlock = 512

    package mutating func next() -> UInt64 {
        if place == words.count {
            words = key.words(Self.wordsPerBlock, block: block)
            (block, place) = (block + 1, 0)
        }
        place += 1
        return words[place - 1]
    }
}
