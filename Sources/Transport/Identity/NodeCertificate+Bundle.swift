package import Foundation
import SwiftASN1

extension NodeCertificate {
    /// Reads every certificate of a PEM file, at least one.
    package static func bundle(contentsOf file: URL) throws(CredentialError) -> [NodeCertificate] {
        let pem: String
        do {
            pem = try String(contentsOf: file, encoding: .utf8)
        } catch {
            throw .unreadable(file: file.path, reason: error.localizedDescription)
        }
        guard let documents = try? PEMDocument.parseMultiple(pemString: pem), !documents.isEmpty else {
            throw .malformed(what: "'\(file.path)'", reason: "it holds no X.509 certificate in PEM")
        }
        var bundle: [NodeCertificate] = []
        for document in documents { bundle.append(try NodeCertificate(bytes: document.derBytes)) }
        return bundle
    }

    /// Writes certificates in PEM, one after the other, to a new file, or replaces one.
    package static func write(_ bundle: [NodeCertificate], to file: URL) throws(CredentialError) {
        do {
            try DurableFile.replace(file, with: Data(bundle.map(\.pem).joined().utf8), permissions: 0o644)
        } catch {
            throw .notWritable(file: file.path, reason: "\(error)")
        }
    }
}

// MARK: - Renewal

extension NodeCertificate {
    /// When two thirds of the certificate's life are over, counted from when it was issued.
    package var renewalDate: Date {
        let life = notValidAfter.timeIntervalSince(notValidBefore) - CertificateAuthority.clockTolerance.seconds
        return notValidAfter - max(life, 0) / 3
    }
}
