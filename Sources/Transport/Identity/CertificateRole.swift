import Foundation
import WireProtocol
import X509

/// Who a certificate speaks for, and how it says so.
///
/// Role and name stand in one URI among the alternative names; the extended key usage repeats the role for software that
/// knows nothing of us. A certificate of one role is never taken for the other, although both have the same issuer.
package enum CertificateRole: Sendable, Hashable {
    case server
    case client(name: String)

    private static let serverURI = "tributary:server"
    private static let clientURIPrefix = "tributary:client:"

    /// The URI that states the role.
    var uri: String {
        switch self {
        case .server: Self.serverURI
        case .client(let name): Self.clientURIPrefix + name
        }
    }

    /// The extended key usage that repeats the role.
    var usage: ExtendedKeyUsage.Usage {
        switch self {
        case .server: .serverAuth
        case .client: .clientAuth
        }
    }

    /// Reads the role out of a certificate.
    ///
    /// Says nothing about who issued it; that is judged by the handshake.
    ///
    /// - Throws: ``CredentialError/wrongProfile(certificate:reason:)`` unless the certificate states one role, once, and
    ///   the key usage that goes with it.
    init(of certificate: Certificate) throws(CredentialError) {
        let names: SubjectAlternativeNames
        let usages: ExtendedKeyUsage
        do {
            names = try certificate.extensions.subjectAlternativeNames ?? SubjectAlternativeNames()
            usages = try certificate.extensions.extendedKeyUsage ?? ExtendedKeyUsage()
        } catch {
            throw .wrongProfile(certificate: "The certificate", reason: "an extension cannot be read")
        }
        let uris = names.compactMap { name -> String? in
            if case .uniformResourceIdentifier(let uri) = name, uri.hasPrefix("tributary:") { uri } else { nil }
        }
        guard uris.count == 1, let uri = uris.first, let role = Self(uri: uri) else {
            throw .wrongProfile(certificate: "The certificate", reason: "it states no role, or more than one")
        }
        guard usages.contains(role.usage) else {
            throw .wrongProfile(certificate: "The certificate", reason: "its extended key usage is not that of \(uri)")
        }
        self = role
    }

    private init?(uri: String) {
        if uri == Self.serverURI {
            self = .server
        } else if uri.hasPrefix(Self.clientURIPrefix) {
            let name = String(uri.dropFirst(Self.clientURIPrefix.count))
            guard ClientName.isValid(name) else { return nil }
            self = .client(name: name)
        } else {
            return nil
        }
    }
}
