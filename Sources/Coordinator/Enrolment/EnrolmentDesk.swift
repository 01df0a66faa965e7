private import Crypto
package import FederatedLearning
package import Foundation
package import Logging
private import Metrics
package import Transport

/// Turns invitations into certificates.
package struct EnrolmentDesk: Sendable {
    private let clients: ClientDirectory
    private let issuer: @Sendable () -> IssuingAuthority
    private let lifetime: Duration
    private let metrics: CoordinatorMetrics
    private let logger: Logger
    private let expel: @Sendable (String) async -> Void
    private let storageFailed: @Sendable (any Error) -> Void
    private let now: @Sendable () -> Date

    /// Creates the desk.
    ///
    /// - Parameters:
    ///   - clients: Who is known.
    ///   - issuer: Says who issues certificates now.
    ///   - lifetime: How long a client's certificate is valid.
    ///   - metrics: Where enrolments are counted.
    ///   - logger: Where it says whom it let in.
    ///   - expel: Closes the connection of a client whose certificates have just been replaced by an invitation.
    ///   - storageFailed: Is told what keeps a certificate from being recorded.
    ///   - now: The time.
    package init(
        clients: ClientDirectory,
        issuer: @escaping @Sendable () -> IssuingAuthority,
        lifetime: Duration,
        metrics: CoordinatorMetrics,
        logger: Logger,
        expel: @escaping @Sendable (String) async -> Void = { _ in },
        storageFailed: @escaping @Sendable (any Error) -> Void = { _ in },
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.clients = clients
        self.issuer = issuer
        self.expel = expel
        self.storageFailed = storageFailed
        self.lifetime = lifetime
        self.metrics = metrics
        self.logger = logger
        self.now = now
    }

    /// Judges a stranger's claim.
    ///
    /// Whatever is wrong with the secret, the answer is the same: it tells a guesser nothing.
    ///
    /// - Parameters:
    ///   - attempt: What the stranger shows.
    ///   - federation: Where the new client is to connect.
    /// - Returns: A certificate, or a reason that tells nothing.
    package func enrol(_ attempt: EnrolmentAttempt, federation: ListenAddress) async -> EnrolmentAnswer {
        let moment = now()
        let authority = issuer().authority
        do {
            let issued = try await clients.redeem(secretHash: Self.hash(of: attempt.secret), now: moment) { name in
                let certificate = try authority.issueClient(
                    name: name,
                    publicKey: attempt.publicKey,
                    now: moment,
                    validFor: lifetime
                )
                return (certificate, IssuedCertificate(certificate, name: name))
            }
            guard let (certificate, record) = issued else {
                logger.info("Enrolment refused", metadata: ["peer.address": "\(attempt.address)"])
                metrics.refusedEnrolments.increment()
                return .rejected(reason: "The join string was used already, has expired, or is not of this server.")
            }
            logger.info(
                "Client enrolled",
                metadata: ["client.id": "\(record.name)", "peer.address": "\(attempt.address)"]
            )
            metrics.enrolments.increment()
            await expel(record.name)
            return .accepted(
                certificate: certificate,
                name: record.name,
                host: federation.host,
                port: federation.port
            )
        } catch {
            logger.error("Enrolment failed", metadata: ["peer.address": "\(attempt.address)", "error": "\(error)"])
            storageFailed(error)
            return .rejected(reason: "The server could not record the certificate. Try again later.")
        }
    }

    /// Certifies a new key of a client that is connected with a certificate of this directory.
    ///
    /// - Parameters:
    ///   - peer: The client, as the handshake proved it.
    ///   - request: A PKCS #10 request that the new key has signed.
    /// - Returns: A certificate and whom to trust, or why there is none.
    package func renew(_ peer: PeerIdentity, certificateRequest request: [UInt8]) async -> RenewalAnswer {
        let moment = now()
        let issuer = issuer()
        let lifetime = lifetime
        do {
            let publicKey = try NodePublicKey(certificateRequest: request)
            let certificate = try await clients.renew(
                peer.name,
                fingerprint: ContentDigest(peer.fingerprint),
                lifetime: lifetime,
                now: moment
            ) {
                let certificate = try issuer.authority.issueClient(
                    name: peer.name,
                    publicKey: publicKey,
                    now: moment,
                    validFor: lifetime
                )
                return (certificate, IssuedCertificate(certificate, name: peer.name))
            }
            guard let certificate else {
                logger.info("Renewal refused", metadata: ["client.id": "\(peer.name)"])
                return .rejected(reason: "The certificate is revoked, or was renewed too often of late.")
            }
            logger.info("Certificate renewed", metadata: ["client.id": "\(peer.name)"])
            metrics.renewals.increment()
            return .accepted(certificate, authorities: issuer.trusted)
        } catch let error as CredentialError {
            return .rejected(reason: "\(error)")
        } catch {
            logger.error("Renewal failed", metadata: ["client.id": "\(peer.name)", "error": "\(error)"])
            storageFailed(error)
            return .rejected(reason: "The server could not record the certificate. Try again later.")
        }
    }

    /// What is stored of a secret.
    package static func hash(of secret: [UInt8]) -> ContentDigest {
        ContentDigest(SHA256.hash(data: secret))
    }
}

/// What the desk says to a wish for a new certificate.
package enum RenewalAnswer: Sendable {
    case accepted(NodeCertificate, authorities: [NodeCertificate])
    /// The reason is a sentence for people.
    case rejected(reason: String)
}

extension IssuedCertificate {
    /// What the directory keeps of a client's new certificate.
    fileprivate init(_ certificate: NodeCertificate, name: String) {
        self.init(
            name: name,
            fingerprint: ContentDigest(certificate.fingerprint),
            serial: certificate.serialNumber,
            expiry: certificate.notValidAfter
        )
    }
}
