package import Logging
import NIOCore
import NIOSSL
import WireProtocol

/// The client's way to its server: TLS 1.3, both sides show a certificate of the federation's authority.
package enum FederationDialer {
    /// Connects, lends the connection to `body`, and closes it.
    ///
    /// That the handshake succeeded does not mean that the server accepts the client: in TLS 1.3 the client finishes first. Only
    /// the server's Welcome means that.
    ///
    /// - Parameters:
    ///   - host: The server's name or address, which its certificate has to name.
    ///   - port: The server's port.
    ///   - credentials: What the client shows, and whom it trusts.
    ///   - limits: How long to wait.
    ///   - logger: Where it says what happens.
    ///   - body: What to do with the connection.
    /// - Returns: What `body` returns.
    /// - Throws: ``TransportError``, whose kind says where it failed; and what `body` throws.
    package static func withConnection<Result>(
        host: String,
        port: Int,
        credentials: ClientCredentials,
        limits: TransportLimits = .federation,
        logger: Logger,
        _ body: (FrameConnection) async throws -> Result
    ) async throws -> Result {
        let hostName = try HostName(host)
        let context = try TLSSettings.federationClient(credentials.credentials)
        let admission = try await TLSDialer.connect(to: hostName.text, port: port, limits: limits) {
            try NIOSSLClientHandler(context: context, serverHostname: hostName.serverNameIndication)
        } judge: { certificate, address in
            guard let certificate else { throw TransportError.untrusted(reason: "it has no certificate") }
            return try judge(certificate, of: hostName, address)
        }
        guard let peer = admission.peer else { throw TransportError.untrusted(reason: "it has no certificate") }
        logger.debug("connected", metadata: ["server.address": "\(peer.address)"])
        return try await FrameConnection.lend(admission, to: peer, limits: limits, body)
    }

    /// Makes sure that the peer is a server, and the one that was meant.
    ///
    /// The library below compares an IP address in the certificate with the socket's, whatever was asked for; here the
    /// comparison is with the host that the user named.
    static func judge(
        _ certificate: NodeCertificate,
        of host: HostName,
        _ address: String
    ) throws -> PeerIdentity {
        let role = try CertificateRole(of: certificate.certificate)
        guard case .server = role else {
            throw TransportError.untrusted(reason: "it shows a client's certificate where a server's is needed")
        }
        guard host.isNamed(by: certificate.certificate) else {
            throw TransportError.untrusted(reason: "its certificate does not name '\(host.text)'")
        }
        return PeerIdentity(certificate: certificate, role: role, address: address)
    }
}
