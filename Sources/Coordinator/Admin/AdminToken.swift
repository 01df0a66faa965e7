private import Crypto
private import Foundation

/// The secret that commands on this machine show to the admin API: readable by the server's user only.
package struct AdminToken: Sendable {
    private let digest: SHA256.Digest

    /// Takes the content of `admin-token`.
    package init(_ text: String) {
        self.digest = SHA256.hash(data: Data(text.utf8))
    }

    /// Whether an `Authorization` header shows the token.
    ///
    /// Takes the same time however much of it is right.
    package func isShown(in header: String?) -> Bool {
        let scheme = "Bearer "
        guard let header, header.hasPrefix(scheme) else { return false }
        return SHA256.hash(data: Data(header.dropFirst(scheme.count).utf8)) == digest
    }

    /// Returns a new token of 256 random bits.
    package static func generate() -> String {
        SymmetricKey(size: .bits256).withUnsafeBytes { Data($0).base64EncodedString() }
            .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}
