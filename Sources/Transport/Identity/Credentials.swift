package import Foundation
import NIOSSL
import X509

/// What one node shows and whom it trusts: its certificate, the key to it, and the federation's authority.
///
/// There are two authorities while one takes over from the other.
struct Credentials: Sendable {
    let certificate: NodeCertificate
    let key: NodeKey
    /// The authority that issued the certificate.
    let issuer: NodeCertificate
    /// Every trusted authority, the issuer among them.
    let authorities: [NodeCertificate]
    let role: CertificateRole

    /// Puts credentials together.
    ///
    /// - Throws: ``CredentialError`` when the parts do not belong together.
    init(certificate: NodeCertificate, key: NodeKey, authorities: [NodeCertificate]) throws(CredentialError) {
        for authority in authorities { try CertificateAuthority.check(authority) }
        let leaf = certificate.certificate
        guard key.isCertified(by: certificate) else { throw .keyMismatch(certificate: "The certificate") }
        let issuer = authorities.first { authority in
            leaf.issuer == authority.certificate.subject
                && authority.certificate.publicKey.isValidSignature(leaf.signature, for: leaf)
        }
        guard let issuer else { throw .foreignAuthority(certificate: "The certificate") }
        self.certificate = certificate
        self.key = key
        self.issuer = issuer
        self.authorities = authorities
        self.role = try CertificateRole(of: leaf)
    }

    init(certificateFile: URL, keyFile: URL, authorityFiles: [URL]) throws(CredentialError) {
        let (certificate, key) = try KeyPairFiles(certificate: certificateFile, key: keyFile).load()
        var authorities: [NodeCertificate] = []
        for file in authorityFiles { authorities += try NodeCertificate.bundle(contentsOf: file) }
        try self.init(certificate: certificate, key: key, authorities: authorities)
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
        try self.init(certificate: certificate, key: key, authorities: [authority])
    }

    /// Puts a server's credentials together, which trust several authorities.
    package init(
        certificate: NodeCertificate,
        key: NodeKey,
        authorities: [NodeCertificate]
    ) throws(CredentialError) {
        try self.init(Credentials(certificate: certificate, key: key, authorities: authorities))
    }

    /// Reads a server's credentials from PEM files; those of authorities may hold several.
    package init(certificateFile: URL, keyFile: URL, authorityFiles: [URL]) throws(CredentialError) {
        try self.init(
            Credentials(certificateFile: certificateFile, keyFile: keyFile, authorityFiles: authorityFiles)
        )
    }

    private init(_ credentials: Credentials) throws(CredentialError) {
        guard case .server = credentials.role else {
            throw .wrongProfile(certificate: "The server's certificate", reason: "it is a client's")
        }
        self.credentials = credentials
    }

    package var certificate: NodeCertificate { credentials.certificate }
    /// The authority that issued the certificate.
    package var authority: NodeCertificate { credentials.issuer }
    /// Every trusted authority.
    package var authorities: [NodeCertificate] { credentials.authorities }

    /// Whether the certificate names a host, so that clients may reach the server under it.
    package func names(_ host: String) -> Bool {
        (try? HostName(host))?.isNamed(by: certificate.certificate) ?? false
    }
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
        try self.init(certificate: certificate, key: key, authorities: [authority])
    }

    /// Puts a client's credentials together, which trust several authorities.
    package init(
        certificate: NodeCertificate,
        key: NodeKey,
        authorities: [NodeCertificate]
    ) throws(CredentialError) {
        try self.init(Credentials(certificate: certificate, key: key, authorities: authorities))
    }

    /// Reads a client's credentials from PEM files; those of authorities may hold several.
    package init(certificateFile: URL, keyFile: URL, authorityFiles: [URL]) throws(CredentialError) {
        try self.init(
            Credentials(certificateFile: certificateFile, keyFile: keyFile, authorityFiles: authorityFiles)
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
    /// The authority that issued the certificate.
    package var authority: NodeCertificate { credentials.issuer }
    /// Every trusted authority.
    package var authorities: [NodeCertificate] { credentials.authorities }
}
