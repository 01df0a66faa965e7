import Crypto
package import Foundation
import SwiftASN1
import X509

/// The private key of one node: P-256, made where it is used, never sent anywhere.
package struct NodeKey: Sendable {
    let signingKey: P256.Signing.PrivateKey

    /// Makes a fresh key from the system's random numbers.
    package init() {
        self.signingKey = P256.Signing.PrivateKey()
    }

    /// Reads a key from its PEM form.
    package init(pem: String) throws(CredentialError) {
        do {
            self.signingKey = try P256.Signing.PrivateKey(pemRepresentation: pem)
        } catch {
            throw .malformed(what: "The private key", reason: "it is not a P-256 key in PEM")
        }
    }

    /// Reads a key from a file that only its owner can read.
    ///
    /// - Throws: ``CredentialError/keyExposed(file:permissions:)`` when group or others have any permission on it.
    package init(contentsOf file: URL) throws(CredentialError) {
        try self.init(pem: SecretFile.read(file))
    }

    package var pem: String { signingKey.pemRepresentation }

    package var publicKey: NodePublicKey { NodePublicKey(signingKey.publicKey) }

    /// Writes the key to a new file with permissions 0600, or replaces one.
    package func write(to file: URL) throws(CredentialError) {
        try SecretFile.write(pem, to: file)
    }

    /// Makes a PKCS #10 request in DER: the public key, signed by the private one.
    ///
    /// The subject is empty, because the authority decides the name.
    package func certificateRequest() throws -> [UInt8] {
        let request = try CertificateSigningRequest(
            version: .v1,
            subject: DistinguishedName(),
            privateKey: Certificate.PrivateKey(signingKey),
            attributes: CertificateSigningRequest.Attributes()
        )
        var serializer = DER.Serializer()
        try serializer.serialize(request)
        return serializer.serializedBytes
    }
}

/// The public key of one node.
package struct NodePublicKey: Sendable, Hashable {
    let certificateKey: Certificate.PublicKey

    init(_ key: P256.Signing.PublicKey) {
        self.certificateKey = Certificate.PublicKey(key)
    }

    /// Takes the public key out of a PKCS #10 request in DER, and nothing else.
    ///
    /// - Throws: ``CredentialError/noProofOfPossession`` when the request is not signed by the key that it names.
    package init(certificateRequest bytes: [UInt8]) throws(CredentialError) {
        guard let request = try? CertificateSigningRequest(derEncoded: bytes),
            let key = P256.Signing.PublicKey(request.publicKey)
        else {
            throw .malformed(
                what: "The certificate request",
                reason: "it is not a PKCS #10 request of a P-256 key in DER"
            )
        }
        guard request.publicKey.isValidSignature(request.signature, for: request) else { throw .noProofOfPossession }
        self.init(key)
    }
}
