package import Foundation
import NIOSSL
import X509

/// What one node shows and whom it trusts: its certificate, the key to it, and the federation's authority.
struct Credentials: Sendable {
    let certificate: NodeCertificate
    let key: NodeKey
    let authority: NodeCertificate
    let role: CertificateRole

    /// Puts credentials together.
    ///
    /// - Throws: ``CredentialError`` when the parts do not belong together.
    init(certificate: NodeCertificate, key: NodeKey, authority: NodeCertificate) throws(CredentialError) {
        try CertificateAuthority.check(authority)
        let leaf = certificate.certificate
        let issuer = authority.certificate
        guard leaf.publicKey == key.publicKey.certificateKey else {
            throw .keyMismatch(certificate: "The certificate")
        }
        guard leaf.issuer == issuer.subject, issuer.publicKey.isValidSignature(leaf.signature, for: leaf) else {
            throw .foreignAuthority(certificate: "The certificate")
        }
        self.certificate = certificate
        self.key = key
        self.authority = authority
        self.role = try CertificateRole(of: leaf)
    }

    init(certificateFile: URL, keyFile: URL, authorityFile: URL) throws(CredentialError) {
        try self.init(
            certificate: NodeCertificate(contentsOf: certificateFile),
            key: NodeKey(contentsOf: keyFile),
            authority: NodeCertificate(contentsOf: authorityFile)
        )
    }
}

/// A server's credentials.
package struct ServerCredentials: Sendable {
    let credentials: Credentials

    /// Puts a server's credentials together.
    ///
    /// - Throws: ``CredentialError`` when the parts do not belong together, or the certificate is not a server's.
    package init(
        certificate: NodeCertificate,
        key: NodeKey,
        authority: NodeCertificate
    ) throws(CredentialError) {
        try self.init(Credentials(certificate: certificate, key: key, authority: authority))
    }

    /// Reads a server's credentials from PEM files.
    package init(certificateFile: URL, keyFile: URL, authorityFile: URL) throws(CredentialError) {
        try self.init(
            Credentials(certificateFile: certificateFile, keyFile: keyFile, authorityFile: authorityFile)
        )
    }

    private init(_ credentials: Credentials) throws(CredentialError) {
        guard case .server = credentials.role else {
            throw .wrongProfile(certificate: "The server's certificate", reason: "it is a client's")
        }
        self.credentials = credentials
    }

    package var certificate: NodeCertificate { credentials.certificate }
    package var authority: NodeCertificate { credentials.authority }
}

/// A client's credentials.
package struct ClientCredentials: Sendable {
    let credentials: Credentials
    /// The client's name, as its certificate states it.
    package let name: String

    /// Puts a client's credentials together.
    ///
    /// - Throws: ``CredentialError`` when the parts do not belong together, or the certificate is not a client's.
    package init(
        certificate: NodeCertificate,
        key: NodeKey,
        authority: NodeCertificate
    ) throws(CredentialError) {
        try self.init(Credentials(certificate: certificate, key: key, authority: authority))
    }

    /// Reads a client's credentials from PEM files.
    package init(certificateFile: URL, keyFile: URL, authorityFile: URL) throws(CredentialError) {
        try self.init(
            Credentials(certificateFile: certificateFile, keyFile: keyFile, authorityFile: authorityFile)
        )
    }

    private init(_ credentials: Credentials) throws(CredentialError) {
        guard case .client(let name) = credentials.role else {
            throw .wrongProfile(certificate: "The client's certificate", reason: "it is a server's")
        }
        self.credentials = credentials
        self.name = name
    }

    package var certificate: NodeCertificate { credentials.certificate }
    package var authority: NodeCertificate { credentials.authority }
}
