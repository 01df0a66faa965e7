package import Foundation

/// Reads and writes files that only their owner may open.
package enum SecretFile {
    private static let ownerOnly = 0o600

    /// Reads `file`.
    ///
    /// - Throws: ``CredentialError/keyExposed(file:permissions:)`` when group or others have any permission on it.
    package static func read(_ file: URL) throws(CredentialError) -> String {
        let attributes: [FileAttributeKey: Any]
        let content: String
        do {
            attributes = try FileManager.default.attributesOfItem(atPath: file.path)
            content = try String(contentsOf: file, encoding: .utf8)
        } catch {
            throw .unreadable(file: file.path, reason: error.localizedDescription)
        }
        guard let permissions = attributes[.posixPermissions] as? Int else {
            throw .unreadable(file: file.path, reason: "its permissions are unknown")
        }
        guard permissions & 0o077 == 0 else {
            throw .keyExposed(file: file.path, permissions: String(permissions, radix: 8))
        }
        return content
    }

    /// Writes `content` to `file` so that no other user can read it at any moment, replacing what was there atomically.
    package static func write(_ content: String, to file: URL) throws(CredentialError) {
        do {
            try DurableFile.replace(file, with: Data(content.utf8), permissions: ownerOnly)
        } catch {
            throw .notWritable(file: file.path, reason: "\(error)")
        }
    }
}
