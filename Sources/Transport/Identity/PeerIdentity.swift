package import Foundation

/// Who is at the other end of a connection, as the handshake proved it.
package struct PeerIdentity: Sendable, Hashable {
    /// The role and, of a client, the name, from the verified certificate.
    package let role: CertificateRole
    /// Where the peer connects from, as `host:port`; for logs.
    package let address: String
    package let fingerprint: CertificateFingerprint
    /// The certificate's serial number in hexadecimal digits.
    package let serialNumber: String
    /// When the peer's certificate ends.
    package let notValidAfter: Date

    package init(
        role: CertificateRole,
        address: String,
        fingerprint: CertificateFingerprint,
        serialNumber: String,
        notValidAfter: Date
    ) {
        self.role = role
        self.address = address
        self.fingerprint = fingerprint
        self.serialNumber = serialNumber
        self.notValidAfter = notValidAfter
    }

    init(certificate: NodeCertificate, role: CertificateRole, address: String) {
        self.init(
            role: role,
            address: address,
            fingerprint: certificate.fingerprint,
            serialNumber: certificate.serialNumber,
            notValidAfter: certificate.notValidAfter
        )
    }

    /// The client's name; of the server, `server`.
    package var name: String {
        switch role {
        case .server: "server"
        case .client(let name): name
        }
    }
}
