package import Crypto
package import Foundation

/// The SHA-256 that names a payload.
package struct ContentDigest: Hashable, Sendable, Codable, CustomStringConvertible {
    /// 64 lower-case hexadecimal digits.
    package let hexadecimal: String

    private static let digits = Array("0123456789abcdef".utf8)

    /// Creates a digest from its text form, or `nil` when that is not 64 lower-case hexadecimal digits.
    package init?(hexadecimal: String) {
        guard hexadecimal.utf8.count == 64,
            hexadecimal.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
        else { return nil }
        self.hexadecimal = hexadecimal
    }

    /// Creates a digest from a finished hash.
    package init(_ digest: SHA256.Digest) {
        let digits = Self.digits
        var text: [UInt8] = []
        text.reserveCapacity(2 * SHA256.Digest.byteCount)
        for byte in digest {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        self.hexadecimal = String(decoding: text, as: UTF8.self)
    }

    /// Returns the digest of `bytes`.
    package init(hashing bytes: some DataProtocol) {
        self.init(SHA256.hash(data: bytes))
    }

    /// Returns the digest of `bytes`.
    package init(hashing bytes: some Collection<UInt8>) {
        var hash = SHA256()
        hash.update(data: Data(bytes))
        self.init(hash.finalize())
    }

    package var description: String { hexadecimal }

    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let digest = ContentDigest(hexadecimal: text) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "not a SHA-256 in lower-case hexadecimal")
            )
        }
        self = digest
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(hexadecimal)
    }
}
