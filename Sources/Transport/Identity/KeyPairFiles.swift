package import Foundation
import Glibc
import X509

/// A certificate and the key to it, in two files that change as one.
///
/// ```
/// prepare:  key.next ← the new key            the pair in use is untouched
/// commit:   certificate ← the new one         from here on the new key is the right one
///           key ← key.next
/// ```
///
/// Two files cannot be replaced in one step. A crash after the first one is noticed by ``load()``, because the certificate
/// then belongs to the key that lies ready, and ends with the second one.
package struct KeyPairFiles: Sendable {
    package let certificate: URL
    package let key: URL

    package init(certificate: URL, key: URL) {
        self.certificate = certificate
        self.key = key
    }

    private var nextKey: URL { key.appendingPathExtension("next") }

    /// Makes a new key durable beside the one in use, to be certified.
    package func prepare(_ key: NodeKey) throws(CredentialError) {
        try key.write(to: nextKey)
    }

    /// Takes the certificate of the prepared key into use.
    package func commit(_ certificate: NodeCertificate) throws(CredentialError) {
        try certificate.write(to: self.certificate)
        try takeNextKey()
    }

    /// Reads the pair.
    ///
    /// - Throws: ``CredentialError`` when a file cannot be read, or the two do not belong together.
    package func load() throws(CredentialError) -> (certificate: NodeCertificate, key: NodeKey) {
        let certificate = try NodeCertificate(contentsOf: certificate)
        let key = try? NodeKey(contentsOf: key)
        if let key, key.isCertified(by: certificate) { return (certificate, key) }
        if FileManager.default.fileExists(atPath: nextKey.path) {
            let next = try NodeKey(contentsOf: nextKey)
            if next.isCertified(by: certificate) {
                try takeNextKey()
                return (certificate, next)
            }
        }
        // Says what is wrong with the file, if that is what is wrong.
        return (certificate, try NodeKey(contentsOf: self.key))
    }

    private func takeNextKey() throws(CredentialError) {
        do throws(FileError) {
            try DurableFile.move(nextKey, to: key)
        } catch {
            throw .notWritable(file: key.path, reason: error.description)
        }
    }
}

extension NodeKey {
    /// Whether a certificate is for this key.
    func isCertified(by certificate: NodeCertificate) -> Bool {
        certificate.certificate.publicKey == publicKey.certificateKey
    }
}
