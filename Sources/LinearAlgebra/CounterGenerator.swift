private import Glibc

/// A counter-based random generator: the same seed and stream give the same numbers, wherever and whenever.
///
/// Philox4x32-10 of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011. The seed is the key; the
/// stream (say, a round and a client) is the upper half of the counter, so streams never overlap and need no warm-up.
/// Not for keys, secrets or live privacy noise.
package struct CounterGenerator: RandomNumberGenerator, Sendable, Hashable, Codable {
    private let key: [UInt32]
    private let stream: UInt64
    private var block: UInt64 = 0
    /// The second half of the latest block, while it is unused.
    private var spare: UInt64?
    /// The second of two normal deviates, while it is unused.
    private var spareDeviate: Double?

    /// Creates the generator of one stream.
    package init(seed: UInt64, stream: UInt64 = 0) {
        self.key = [UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)]
        self.stream = stream
    }

    /// Creates the generator of the stream that `parts` name together, such as a round number and a client's index.
    package init(seed: UInt64, stream parts: [UInt64]) {
        // SplitMix64's finalizer: every bit of every part reaches every bit of the stream.
        let mixed = parts.reduce(0x9E37_79B9_7F4A_7C15 as UInt64) { state, part in
            var value = (state ^ part) &+ 0x9E37_79B9_7F4A_7C15
            value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
            return value ^ (value >> 31)
        }
        self.init(seed: seed, stream: mixed)
    }

    package mutating func next() -> UInt64 {
        if let value = spare {
            spare = nil
            return value
        }
        let words = Self.block(
            counter: (
                UInt32(truncatingIfNeeded: block), UInt32(truncatingIfNeeded: block >> 32),
                UInt32(truncatingIfNeeded: stream), UInt32(truncatingIfNeeded: stream >> 32)
            ),
            key: (key[0], key[1])
        )
        block &+= 1
        spare = UInt64(words.3) << 32 | UInt64(words.2)
        return UInt64(words.1) << 32 | UInt64(words.0)
    }

    /// Returns a number in [0, 1) with 53 random bits.
    package mutating func uniform() -> Double {
        Double(next() >> 11) * 0x1p-53
    }

    /// Returns a standard normal deviate, by Marsaglia's polar method.
    package mutating func gaussian() -> Double {
        if let deviate = spareDeviate {
            spareDeviate = nil
            return deviate
        }
        while true {
            let x = 2 * uniform() - 1
            let y = 2 * uniform() - 1
            let square = x * x + y * y
            guard square > 0, square < 1 else { continue }
            let scale = (-2 * log(square) / square).squareRoot()
            spareDeviate = y * scale
            return x * scale
        }
    }

    typealias Words = (UInt32, UInt32, UInt32, UInt32)

    /// Ten rounds of Philox4x32 (Salmon et al., section 3.3).
    static func block(counter: Words, key: (UInt32, UInt32)) -> Words {
        var (c, k) = (counter, key)
        for _ in 0..<10 {
            let left = c.0.multipliedFullWidth(by: 0xD251_1F53)
            let right = c.2.multipliedFullWidth(by: 0xCD9E_8D57)
            c = (right.high ^ c.1 ^ k.0, right.low, left.high ^ c.3 ^ k.1, left.low)
            k = (k.0 &+ 0x9E37_79B9, k.1 &+ 0xBB67_AE85)
        }
        return c
    }
}
