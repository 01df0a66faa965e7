package import Foundation
package import Logging
import NIOCore
import WireProtocol

/// The server's door for enrolled clients: TLS 1.3, both sides show a certificate of the federation's authority.
///
/// A peer without one gets no application byte.
package struct FederationListener: Sendable {
    private let host: String
    private let port: Int
    private let identity: ServerIdentity
    private let limits: TransportLimits
    private let logger: Logger

    /// Prepares a listener.
    ///
    /// - Parameters:
    ///   - host: The address to listen on.
    ///   - port: The port, or 0 for any free one.
    ///   - identity: What the server shows, and whom it trusts.
    ///   - limits: What it gives its peers.
    ///   - logger: Where it says whom it refused.
    package init(
        host: String,
        port: Int,
        identity: ServerIdentity,
        limits: TransportLimits = .federation,
        logger: Logger
    ) {
        self.host = host
        self.port = port
        self.identity = identity
        self.limits = limits
        self.logger = logger
    }

    /// Prepares a listener that shows the same as long as it serves.
    package init(
        host: String,
        port: Int,
        credentials: ServerCredentials,
        limits: TransportLimits = .federation,
        logger: Logger
    ) {
        self.init(host: host, port: port, identity: ServerIdentity(credentials), limits: limits, logger: logger)
    }

    /// Serves until the task is cancelled.
    ///
    /// - Parameters:
    ///   - onBound: Called once, when clients can connect.
    ///   - handle: Called for every client, each in a child task of its own. Its connection is closed when it returns. It is
    ///     cancelled with the listener, and may still say Goodbye then: ``FrameConnection/close(saying:)``.
    /// - Throws: ``TransportError/cannotListen(host:port:reason:)``.
    package func run(
        onBound: @Sendable (BoundAddress) async -> Void,
        handle: @Sendable @escaping (FrameConnection) async -> Void
    ) async throws {
        let listener = TLSListener(
            host: host,
            port: port,
            context: identity.federationContext,
            limits: limits,
            logger: logger,
            judge: { certificate, address in try Self.judge(certificate, address, now: .now) }
        )
        try await listener.run(onBound: onBound) { admission in
            guard let peer = admission.peer else { return }
            try? await FrameConnection.lend(admission, to: peer, limits: limits, handle)
        }
    }

    /// Takes the client's name from its certificate, which the handshake has verified.
    ///
    /// A resumed session has shown its certificate earlier, so that the dates are looked at here.
    package static func judge(
        _ certificate: NodeCertificate?,
        _ address: String,
        now: Date
    ) throws -> PeerIdentity {
        guard let certificate else { throw TransportError.untrusted(reason: "it has no certificate") }
        guard certificate.isValid(at: now) else {
            throw TransportError.untrusted(reason: "its certificate has expired")
        }
        let role = try CertificateRole(of: certificate.certificate)
        guard case .client = role else {
            throw TransportError.untrusted(reason: "it shows a server's certificate where a client's is needed")
        }
        return PeerIdentity(certificate: certificate, role: role, address: address)
    }
}
