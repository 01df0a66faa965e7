import Crypto
package import Foundation
import SwiftASN1
import WireProtocol
import X509

/// The federation's own authority: the only issuer that its members trust.
///
/// protocol/README.md, "Certificates", is the profile of what it issues.
package struct CertificateAuthority: Sendable {
    /// How long an authority lives unless said otherwise: ten years.
    package static let defaultAuthorityLife = Duration.days(3650)
    /// How long a server's certificate lives unless said otherwise: a year.
    package static let defaultServerLife = Duration.days(365)
    /// How long a client's certificate lives unless said otherwise: a day, because it is renewed over the live connection.
    package static let defaultClientLife = Duration.days(1)

    /// Certificates begin this much before they are issued, for clocks that are a little behind.
    static let clockTolerance = Duration.seconds(300)

    package let certificate: NodeCertificate
    private let key: NodeKey

    /// Makes a new authority with a fresh key.
    ///
    /// - Parameters:
    ///   - name: The federation's name; for people only.
    ///   - now: When it begins.
    ///   - life: How long it is good for.
    /// - Returns: An authority that has issued nothing yet.
    /// - Throws: When the certificate cannot be encoded.
    package static func create(
        name: String,
        now: Date,
        validFor life: Duration = defaultAuthorityLife
    ) throws -> CertificateAuthority {
        let key = NodeKey()
        let publicKey = key.publicKey.certificateKey
        let subject = try DistinguishedName { CommonName(name) }
        let certificate = try Certificate(
            version: .v3,
            serialNumber: Certificate.SerialNumber(),
            publicKey: publicKey,
            notValidBefore: now - clockTolerance.seconds,
            notValidAfter: now + life.seconds,
            issuer: subject,
            subject: subject,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                SubjectKeyIdentifier(hash: publicKey)
            },
            issuerPrivateKey: Certificate.PrivateKey(key.signingKey)
        )
        return try CertificateAuthority(certificate: NodeCertificate(certificate), key: key)
    }

    /// Puts together an authority from its certificate and its key.
    ///
    /// - Throws: ``CredentialError`` when they do not belong together, or the certificate is not an authority's.
    package init(certificate: NodeCertificate, key: NodeKey) throws(CredentialError) {
        try Self.check(certificate)
        guard key.isCertified(by: certificate) else { throw .keyMismatch(certificate: "The authority's certificate") }
        self.certificate = certificate
        self.key = key
    }

    /// Reads an authority from its two PEM files.
    package init(certificateFile: URL, keyFile: URL) throws(CredentialError) {
        let (certificate, key) = try KeyPairFiles(certificate: certificateFile, key: keyFile).load()
        try self.init(certificate: certificate, key: key)
    }

    /// Writes the authority to two PEM files, the key with permissions 0600.
    package func write(certificateFile: URL, keyFile: URL) throws(CredentialError) {
        try key.write(to: keyFile)
        try certificate.write(to: certificateFile)
    }

    package var certificatePEM: String { certificate.pem }
    package var privateKeyPEM: String { key.pem }
    package var fingerprint: CertificateFingerprint { certificate.fingerprint }

    // MARK: - Issuing

    /// Issues a server's certificate.
    ///
    /// - Parameters:
    ///   - hosts: The names and IP addresses under which clients reach the server; at least one.
    ///   - publicKey: The server's key.
    ///   - now: When it begins.
    ///   - life: How long it is good for; never longer than the authority.
    /// - Returns: The certificate.
    /// - Throws: ``CredentialError/invalidHost(_:)`` when a host is neither a name nor an address.
    package func issueServer(
        hosts: [String],
        publicKey: NodePublicKey,
        now: Date,
        validFor life: Duration = defaultServerLife
    ) throws -> NodeCertificate {
        guard let first = hosts.first else { throw CredentialError.invalidHost("") }
        let names = try hosts.map { host throws(CredentialError) in try HostName(host).generalName }
        return try issue(.server, commonName: first, hosts: names, publicKey: publicKey, now: now, validFor: life)
    }

    /// Issues a client's certificate.
    ///
    /// - Parameters:
    ///   - name: The client's name, from the authority's records and never from the client.
    ///   - publicKey: The client's key, whose possession has been proved.
    ///   - now: When it begins.
    ///   - life: How long it is good for; never longer than the authority.
    /// - Returns: The certificate.
    /// - Throws: ``CredentialError/invalidName(_:)`` when no client may have that name.
    package func issueClient(
        name: String,
        publicKey: NodePublicKey,
        now: Date,
        validFor life: Duration = defaultClientLife
    ) throws -> NodeCertificate {
        guard ClientName.isValid(name) else { throw CredentialError.invalidName(name) }
        return try issue(
            .client(name: name),
            commonName: name,
            hosts: [],
            publicKey: publicKey,
            now: now,
            validFor: life
        )
    }

    private func issue(
        _ role: CertificateRole,
        commonName: String,
        hosts: [GeneralName],
        publicKey: NodePublicKey,
        now: Date,
        validFor life: Duration
    ) throws -> NodeCertificate {
        let issuer = certificate.certificate
        let issuerKeyIdentifier = try issuer.extensions.subjectKeyIdentifier?.keyIdentifier
        // The common name has at most 64 characters (X.520); everything that counts is in the alternative names.
        let subject = try DistinguishedName { CommonName(String(commonName.prefix(64))) }
        return try NodeCertificate(
            Certificate(
                version: .v3,
                serialNumber: Certificate.SerialNumber(),
                publicKey: publicKey.certificateKey,
                notValidBefore: max(now - Self.clockTolerance.seconds, issuer.notValidBefore),
                notValidAfter: min(now + life.seconds, issuer.notValidAfter),
                issuer: issuer.subject,
                subject: subject,
                signatureAlgorithm: .ecdsaWithSHA256,
                extensions: Certificate.Extensions {
                    Critical(BasicConstraints.notCertificateAuthority)
                    Critical(KeyUsage(digitalSignature: true))
                    try ExtendedKeyUsage([role.usage])
                    SubjectAlternativeNames(hosts + [.uniformResourceIdentifier(role.uri)])
                    SubjectKeyIdentifier(hash: publicKey.certificateKey)
                    AuthorityKeyIdentifier(keyIdentifier: issuerKeyIdentifier)
                },
                issuerPrivateKey: Certificate.PrivateKey(key.signingKey)
            )
        )
    }

    /// Throws unless `certificate` may issue others and is signed by itself.
    static func check(_ certificate: NodeCertificate) throws(CredentialError) {
        let authority = certificate.certificate
        guard let constraints = try? authority.extensions.basicConstraints,
            case .isCertificateAuthority = constraints,
            authority.publicKey.isValidSignature(authority.signature, for: authority)
        else {
            throw .wrongProfile(certificate: "The authority's certificate", reason: "it is not an authority's")
        }
    }
}

extension Duration {
    /// A number of days of 24 hours.
    package static func days(_ days: Int) -> Duration { .seconds(days * 86_400) }

    /// The duration in seconds, for dates.
    package var seconds: Double { self / .seconds(1) }
}
