import Foundation
package import Logging
import NIOCore
import WireProtocol

/// A stranger's claim to be an invited client.
package struct EnrolmentAttempt: Sendable {
    /// What the stranger shows; compare its hash with what was stored.
    package let secret: [UInt8]
    /// The key that the certificate is for; its possession has been proved.
    package let publicKey: NodePublicKey
    /// Where the stranger connects from, as `host:port`; for logs.
    package let address: String

    package init(secret: [UInt8], publicKey: NodePublicKey, address: String) {
        self.secret = secret
        self.publicKey = publicKey
        self.address = address
    }
}

/// What the server says to a claim.
package enum EnrolmentAnswer: Sendable {
    /// The client may connect to the federation's listener at `host` and `port` with this certificate.
    case accepted(certificate: NodeCertificate, name: String, host: String, port: Int)
    /// The reason is a sentence for people. It should not tell a guesser more than that the secret is not good.
    case rejected(reason: String)
}

/// The server's door for invited strangers, on a port of its own.
///
/// Only the server shows a certificate here; the stranger shows a single-use secret. One request, one response, and the
/// connection is closed.
package struct EnrolmentListener: Sendable {
    /// How long the whole exchange may take after the handshake.
    private static let patience = Duration.seconds(10)

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
    ///   - identity: What the server shows; the authority's certificate is sent along.
    ///   - limits: What it gives strangers.
    ///   - logger: Where it says whom it refused.
    package init(
        host: String,
        port: Int,
        identity: ServerIdentity,
        limits: TransportLimits = .enrolment,
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
        limits: TransportLimits = .enrolment,
        logger: Logger
    ) {
        self.init(host: host, port: port, identity: ServerIdentity(credentials), limits: limits, logger: logger)
    }

    /// Serves until the task is cancelled.
    ///
    /// - Parameters:
    ///   - onBound: Called once, when strangers can connect.
    ///   - enrol: Judges one claim. It may be called many times at once with the same secret, and has to accept one.
    /// - Throws: ``TransportError/cannotListen(host:port:reason:)``.
    package func run(
        onBound: @Sendable (BoundAddress) async -> Void,
        enrol: @Sendable @escaping (EnrolmentAttempt) async -> EnrolmentAnswer
    ) async throws {
        let listener = TLSListener(
            host: host,
            port: port,
            context: identity.enrolmentContext,
            limits: limits,
            logger: logger,
            judge: { _, _ in nil }
        )
        try await listener.run(onBound: onBound) { admission in
            let channel = admission.channel.channel
            let deadline = channel.eventLoop.scheduleTask(in: TimeAmount(Self.patience)) {
                channel.close(promise: nil)
            }
            defer { deadline.cancel() }
            do {
                try await admission.channel.executeThenClose { inbound, outbound in
                    guard let response = try await respond(inbound, admission.address, enrol) else { return }
                    try await outbound.write(contentsOf: response.serialized(limits: limits.frames))
                }
            } catch {
                logger.info(
                    "enrolment failed",
                    metadata: [
                        "peer.address": "\(admission.address)",
                        "reason": "\(TransportError.mapping(error))",
                    ]
                )
            }
        }
    }

    /// Reads the request and answers it; `nil` when the stranger left without one.
    private func respond(
        _ inbound: NIOAsyncChannelInboundStream<Frame>,
        _ address: String,
        _ enrol: @Sendable (EnrolmentAttempt) async -> EnrolmentAnswer
    ) async throws -> Frame? {
        var frames = inbound.makeAsyncIterator()
        guard let frame = try await frames.next() else { return nil }
        var conversation = EnrolmentServerConversation()
        let request = try conversation.received(frame)
        var response = Tributary_V1_EnrolmentResponse()
        do {
            let publicKey = try NodePublicKey(certificateRequest: [UInt8](request.certificateRequest))
            let attempt = EnrolmentAttempt(
                secret: [UInt8](request.secret),
                publicKey: publicKey,
                address: address
            )
            fill(&response, with: await enrol(attempt))
        } catch {
            response.reason = "\(error)"
        }
        return .message(.enrolmentResponse(response))
    }

    private func fill(_ response: inout Tributary_V1_EnrolmentResponse, with answer: EnrolmentAnswer) {
        switch answer {
        case .accepted(let certificate, let name, let host, let port):
            response.accepted = true
            response.certificate = Data(certificate.bytes)
            let credentials = identity.credentials
            response.authority = Data(credentials.authority.bytes)
            response.furtherAuthorities = credentials.authorities.filter { $0 != credentials.authority }
                .map { Data($0.bytes) }
            response.client = name
            response.host = host
            response.port = UInt32(port)
        case .rejected(let reason):
            response.reason = reason
        }
    }
}
