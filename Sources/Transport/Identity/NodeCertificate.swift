import Crypto
package import Foundation
import SwiftASN1
import WireProtocol
import X509

/// A certificate of the federation: its authority's, a server's or a client's.
package struct NodeCertificate: Sendable, Hashable {
    let certificate: Certificate
    /// The certificate in DER.
    package let bytes: [UInt8]

    init(_ certificate: Certificate) throws {
        var serializer = DER.Serializer()
        try serializer.serialize(certificate)
        self.certificate = certificate
        self.bytes = serializer.serializedBytes
    }

    /// Reads a certificate from DER.
    package init(bytes: [UInt8]) throws(CredentialError) {
        do {
            self.certificate = try Certificate(derEncoded: bytes)
            self.bytes = bytes
        } catch {
            throw .malformed(what: "The certificate", reason: "it is not an X.509 certificate in DER")
        }
    }

    /// Reads a certificate from PEM.
    package init(pem: String) throws(CredentialError) {
        guard let document = try? PEMDocument(pemString: pem) else {
            throw .malformed(what: "The certificate", reason: "it is not an X.509 certificate in PEM")
        }
        try self.init(bytes: document.derBytes)
    }

    /// Reads a certificate from a PEM file.
    package init(contentsOf file: URL) throws(CredentialError) {
        let pem: String
        do {
            pem = try String(contentsOf: file, encoding: .utf8)
        } catch {
            throw .unreadable(file: file.path, reason: error.localizedDescription)
        }
        try self.init(pem: pem)
    }

    package var pem: String { PEMDocument(type: "CERTIFICATE", derBytes: bytes).pemString + "\n" }

    /// The SHA-256 of the certificate's DER.
    package var fingerprint: CertificateFingerprint { CertificateFingerprint(of: bytes) }

    /// The serial number in hexadecimal digits.
    package var serialNumber: String { certificate.serialNumber.bytes.hexadecimal }

    package var notValidBefore: Date { certificate.notValidBefore }
    package var notValidAfter: Date { certificate.notValidAfter }

    /// Whether `date` lies in the certificate's life.
    package func isValid(at date: Date) -> Bool { (notValidBefore...notValidAfter).contains(date) }

    /// Writes the certificate in PEM to a new file, or replaces one.
    package func write(to file: URL) throws(CredentialError) {
        do {
            try DurableFile.replace(file, with: Data(pem.utf8), permissions: 0o644)
        } catch {
            throw .notWritable(file: file.path, reason: "\(error)")
        }
    }
}

/// The SHA-256 of a certificate's DER, by which people and join strings name it.
package struct CertificateFingerprint: Sendable, Hashable, CustomStringConvertible {
    package static let byteCount = 32
    package let bytes: [UInt8]

    /// Creates a fingerprint from its 32 bytes, or `nil` when there are more or fewer.
    package init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        self.bytes = bytes
    }

    init(of certificate: [UInt8]) {
        self.bytes = Array(SHA256.hash(data: certificate))
    }

    /// 64 lower-case hexadecimal digits.
    package var description: String { bytes.hexadecimal }
}
