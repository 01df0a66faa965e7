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
        return equals(String(header.dropFirst(scheme.count)))
    }

    /// Whether `text` is the token; takes the same time however much of it is right.
    func equals(_ text: String) -> Bool { SHA256.hash(data: Data(text.utf8)) == digest }

    /// Returns the token that opens `GET /metrics` and nothing else, so that whoever reads figures need not be trusted with
    /// the server.
    ///
    /// It follows from the admin token, which does not follow from it: HMAC-SHA-256.
    package static func forMetrics(of adminToken: String) -> String {
        let key = SymmetricKey(data: Data(adminToken.utf8))
        return text(Data(HMAC<SHA256>.authenticationCode(for: Data("tributary metrics".utf8), using: key)))
    }

    /// Returns a new token of 256 random bits.
    package static func generate() -> String {
        SymmetricKey(size: .bits256).withUnsafeBytes { text(Data($0)) }
    }

    private static func text(_ bytes: Data) -> String {
        bytes.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}
