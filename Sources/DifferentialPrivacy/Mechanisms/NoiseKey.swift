private import Crypto
private import CryptoExtras
private import Foundation
private import LinearAlgebra

/// 256 secret bits that noise follows from.
///
/// A key that is stored before the noise is used gives the same noise again after a crash, and a second release of the
/// same sum tells nobody more than the first. Who knows the key can subtract the noise: it is kept like a private key for
/// as long as it is needed, and removed afterwards.
package struct NoiseKey: Sendable, Hashable {
    /// The secret itself, 32 bytes, for whoever stores it.
    package let bytes: [UInt8]

    /// Draws a key from the operating system's generator.
    package init() {
        var generator = SystemRandomNumberGenerator()
        bytes = (0..<Self.byteCount).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }

    /// Takes a stored key.
    ///
    /// - Returns: `nil` unless there are 32 bytes.
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        self.bytes = Array(bytes)
    }

    /// How long a key is.
    package static let byteCount = 32

    /// Returns a key of its own for a purpose, by HMAC with SHA-256: no two purposes share random bits.
    package func derived(for purpose: String) -> NoiseKey {
        let code = HMAC<SHA256>.authenticationCode(
            for: Data("tributary noise: \(purpose)".utf8),
            using: SymmetricKey(data: bytes)
        )
        return NoiseKey(derived: code)
    }

    private init(derived code: HMAC<SHA256>.MAC) { bytes = Array(code) }

    /// Returns random words: the keystream of AES-256 in counter mode, with the block's number as the nonce.
    ///
    /// - Parameters:
    ///   - count: How many 64-bit words, below 2³².
    ///   - block: Every block has words of its own, the same ones each time.
    /// - Returns: The words.
    package func words(_ count: Int, block: UInt64) -> [UInt64] {
        precondition(count < 1 << 32, "a block of \(count) words")
        let nonce = (0..<12).map { UInt8(truncatingIfNeeded: $0 < 8 ? block >> UInt64(8 * $0) : 0) }
        do {
            let stream = try AES._CTR.encrypt(
                Data(count: count * 8),
                using: SymmetricKey(data: bytes),
                nonce: AES._CTR.Nonce(nonceBytes: nonce)
            )
            return stream.bytes.littleEndianWords()
        } catch {
            preconditionFailure("AES-256 takes a key of \(bytes.count) bytes and a nonce of \(nonce.count): \(error)")
        }
    }
}

// MARK: -

extension NoiseKey: CustomStringConvertible, CustomReflectable {
    /// Nothing of the secret, so that it never reaches a log.
    package var description: String { "NoiseKey" }

    /// Nothing of the secret either.
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}
