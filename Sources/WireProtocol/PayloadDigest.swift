package import Crypto

#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif

/// The SHA-256 that names a payload.
///
/// Held as four words, so that hashing one and writing it into a frame touch no heap.
package struct PayloadDigest: Hashable, Sendable {
    /// The length of a digest in bytes.
    package static let byteCount = 32

    /// The digest's bytes as big-endian words.
    let words: InlineWords

    struct InlineWords: Hashable, Sendable {
        var first: UInt64
        var second: UInt64
        var third: UInt64
        var fourth: UInt64

        init(first: UInt64, second: UInt64, third: UInt64, fourth: UInt64) {
            self.first = first
            self.second = second
            self.third = third
            self.fourth = fourth
        }

        /// Takes 32 bytes.
        init(_ bytes: some Sequence<UInt8>) {
            self.init(first: 0, second: 0, third: 0, fourth: 0)
            for (index, byte) in bytes.enumerated() {
                switch index / 8 {
                case 0: first = first << 8 | UInt64(byte)
                case 1: second = second << 8 | UInt64(byte)
                case 2: third = third << 8 | UInt64(byte)
                default: fourth = fourth << 8 | UInt64(byte)
                }
            }
        }
    }

    init(words: InlineWords) {
        self.words = words
    }

    /// Creates a digest from its 32 bytes, or `nil` when there are more or fewer.
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        self.words = InlineWords(bytes)
    }

    /// Creates a digest from its text form, or `nil` when that is not 64 lower-case hexadecimal digits.
    package init?(hexadecimal: String) {
        guard let bytes = [UInt8](hexadecimal: hexadecimal) else { return nil }
        self.init(bytes: bytes)
    }

    /// Creates a digest from a finished hash.
    package init(_ digest: SHA256.Digest) {
        self.words = InlineWords(digest)
    }

    /// Returns the digest of `bytes`.
    package init(hashing bytes: some DataProtocol) {
        self.init(SHA256.hash(data: bytes))
    }

    /// The 32 bytes, as they travel.
    package var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.byteCount)
        for word in [words.first, words.second, words.third, words.fourth] {
            for shift in stride(from: 56, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
            }
        }
        return bytes
    }

    /// 64 lower-case hexadecimal digits.
    package var hexadecimal: String { bytes.hexadecimal }
}

extension PayloadDigest: CustomStringConvertible {
    package var description: String { hexadecimal }
}
