package import Crypto
private import Foundation

/// The SHA-256 that names a payload.
package struct ContentDigest: Hashable, Sendable, Codable, CustomStringConvertible {
    /// 64 lower-case hexadecimal digits.
    package let hexadecimal: String

    /// Creates a digest from its text form, or `nil` when that is not 64 lower-case hexadecimal digits.
    package init?(hexadecimal: String) {
        guard hexadecimal.utf8.count == 64,
            hexadecimal.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
        else { return nil }
        self.hexadecimal = hexadecimal
    }

    /// Creates a digest from a finished hash.
    package init(_ digest: SHA256.Digest) {
        self.hexadecimal = digest.map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
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
