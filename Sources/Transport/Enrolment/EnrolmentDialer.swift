package import Foundation
package import Logging
import NIOCore
import NIOSSL
import WireProtocol

/// What a client has after it has joined: everything that it needs to connect.
package struct Enrolment: Sendable {
    package let certificate: NodeCertificate
    /// The authority that the join string named.
    package let authority: NodeCertificate
    /// Whom to trust: that authority, and one that takes over from it, if there is.
    package let authorities: [NodeCertificate]
    /// The client's name, which the server chose.
    package let name: String
    /// Where the federation listens.
    package let host: String
    package let port: Int
}

/// Why a client could not join.
package enum EnrolmentError: Error, Sendable, Equatable {
    /// The server does not take the secret, or not this key.
    case rejected(reason: String)
    /// The server's answer is not what the join string promised.
    case untrustworthy(reason: String)
    /// The server closed the connection without an answer.
    case noAnswer
}

extension EnrolmentError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .rejected(let reason):
            "The server did not let this client join: \(reason) Ask for a new join string: `fed-server invite NAME`."
        case .untrustworthy(let reason):
            "The server's answer cannot be trusted: \(reason). Check with the server's operator before you try again."
        case .noAnswer:
            "The server closed the connection without an answer. Check the server's log, and ask for a new join string."
        }
    }
}

/// The way in for a client that has a join string and a fresh key.
package enum EnrolmentDialer {
    /// How long the server may take for its answer.
    private static let patience = Duration.seconds(20)

    /// Joins a federation.
    ///
    /// The key stays here; only a request signed with it is sent. The answer is believed only when it comes from the authority
    /// that the join string names.
    ///
    /// - Parameters:
    ///   - join: What `fed-server invite` printed.
    ///   - key: The client's new key.
    ///   - now: To tell a join string that has expired without asking.
    ///   - limits: How long to wait.
    ///   - logger: Where it says what happens.
    /// - Returns: The certificate, and where to connect with it.
    /// - Throws: ``JoinStringError/expired(_:)``, ``TransportError``, ``EnrolmentError``.
    package static func join(
        _ join: JoinString,
        key: NodeKey,
        now: Date = .now,
        limits: TransportLimits = .enrolment,
        logger: Logger
    ) async throws -> Enrolment {
        guard join.isValid(at: now) else { throw JoinStringError.expired(join.expiry) }
        let admission = try await connect(
            host: join.host,
            port: join.port,
            authority: join.authorityFingerprint,
            limits: limits
        )
        logger.debug("connected for enrolment", metadata: ["server.address": "\(admission.address)"])

        let channel = admission.channel.channel
        let deadline = channel.eventLoop.scheduleTask(in: TimeAmount(patience)) { channel.close(promise: nil) }
        defer { deadline.cancel() }
        let response = try await exchange(join, key, over: admission.channel)
        return try enrolment(from: response, join, key)
    }

    /// Connects to an enrolment listener, and believes that it is the one which is wanted only by the authority behind its
    /// certificate.
    ///
    /// - Parameters:
    ///   - host: The name that join strings have.
    ///   - port: The listener's port.
    ///   - authority: The authority that the server's certificate has to be from.
    ///   - limits: How long to wait.
    /// - Returns: The connection, on which nothing was said yet.
    /// - Throws: ``TransportError``, whose kind says where it failed.
    static func connect(
        host: String,
        port: Int,
        authority: CertificateFingerprint,
        limits: TransportLimits
    ) async throws -> Admission {
        let name = try HostName(host)
        let context = try TLSSettings.enrolmentClient()
        let pinned = PinnedAuthority(fingerprint: authority)
        return try await TLSDialer.connect(to: name.text, port: port, limits: limits) {
            try NIOSSLClientHandler(
                context: context,
                serverHostname: name.serverNameIndication,
                customVerificationCallback: pinned.verify
            )
        } judge: { certificate, address in
            guard let certificate else { throw TransportError.untrusted(reason: "it has no certificate") }
            return try FederationDialer.judge(certificate, of: name, address)
        }
    }

    private static func exchange(
        _ join: JoinString,
        _ key: NodeKey,
        over channel: NIOAsyncChannel<Frame, ByteBuffer>
    ) async throws -> Tributary_V1_EnrolmentResponse {
        var request = Tributary_V1_EnrolmentRequest()
        request.secret = Data(join.secret)
        request.certificateRequest = Data(try key.certificateRequest())
        let pieces = try Frame.message(.enrolmentRequest(request)).serialized(limits: .enrolment)
        do {
            return try await channel.executeThenClose { inbound, outbound in
                try await outbound.write(contentsOf: pieces)
                var frames = inbound.makeAsyncIterator()
                guard let frame = try await frames.next() else {
                    try Task.checkCancellation()
                    throw EnrolmentError.noAnswer
                }
                var conversation = EnrolmentClientConversation()
                return try conversation.received(frame)
            }
        } catch let error as EnrolmentError {
            throw error
        } catch {
            throw TransportError.mapping(error)
        }
    }

    private static func enrolment(
        from response: Tributary_V1_EnrolmentResponse,
        _ join: JoinString,
        _ key: NodeKey
    ) throws -> Enrolment {
        guard response.accepted else { throw EnrolmentError.rejected(reason: response.reason) }
        let authority = try NodeCertificate(bytes: [UInt8](response.authority))
        guard authority.fingerprint == join.authorityFingerprint else {
            throw EnrolmentError.untrustworthy(reason: "it names another authority than the join string")
        }
        let certificate = try NodeCertificate(bytes: [UInt8](response.certificate))
        // The others come from a server whose authority the join string has proved.
        let authorities = try [authority] + response.furtherAuthorities.map { try NodeCertificate(bytes: [UInt8]($0)) }
        let credentials = try ClientCredentials(certificate: certificate, key: key, authorities: authorities)
        guard credentials.name == response.client else {
            throw EnrolmentError.untrustworthy(reason: "the certificate is for '\(credentials.name)'")
        }
        guard let port = Int(exactly: response.port) else {
            throw EnrolmentError.untrustworthy(reason: "it names no port")
        }
        return Enrolment(
            certificate: certificate,
            authority: authority,
            authorities: authorities,
            name: credentials.name,
            host: response.host,
            port: port
        )
    }
}
