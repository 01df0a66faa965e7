private import Crypto
package import FederatedLearning
package import Foundation
package import Logging
private import Metrics
package import Transport

/// Turns invitations into certificates.
package struct EnrolmentDesk: Sendable {
    private let clients: ClientDirectory
    private let authority: CertificateAuthority
    private let lifetime: Duration
    private let metrics: CoordinatorMetrics
    private let logger: Logger
    private let now: @Sendable () -> Date

    /// Creates the desk; `lifetime` is how long a client's certificate is valid.
    package init(
        clients: ClientDirectory,
        authority: CertificateAuthority,
        lifetime: Duration,
        metrics: CoordinatorMetrics,
        logger: Logger,
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.clients = clients
        self.authority = authority
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
            return .accepted(
                certificate: certificate,
                name: record.name,
                host: federation.host,
                port: federation.port
            )
        } catch {
            logger.error("Enrolment failed", metadata: ["peer.address": "\(attempt.address)", "error": "\(error)"])
            return .rejected(reason: "The server could not record the certificate. Try again later.")
        }
    }

    /// What is stored of a secret.
    package static func hash(of secret: [UInt8]) -> ContentDigest {
        ContentDigest(SHA256.hash(data: secret))
    }
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
