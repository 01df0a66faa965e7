package import Foundation
package import Logging
import ServiceLifecycle
private import Synchronization
package import Transport
private import UnixSignals

/// Who issues certificates now, and whom a holder of one has to trust.
package struct IssuingAuthority: Sendable {
    package let authority: CertificateAuthority
    /// Every trusted authority: this one, and the one that it takes over from.
    package let trusted: [NodeCertificate]

    package init(authority: CertificateAuthority, trusted: [NodeCertificate]? = nil) {
        self.authority = authority
        self.trusted = trusted ?? [authority.certificate]
    }
}

/// The keys that a running server works with: read again on SIGHUP, and looked after every hour.
///
/// New connections see new keys at once; open ones stay as they are.
package final class ServerKeys: Service {
    /// How often it looks whether something is due, whatever the clock did in between.
    package static let interval = Duration.seconds(3600)

    package let identity: ServerIdentity
    private let directory: StateDirectory
    private let issuing: Mutex<IssuingAuthority>
    private let logger: Logger

    /// Does what is due, and reads the keys of a state directory.
    package init(of directory: StateDirectory, now: Date, logger: Logger) throws {
        if let done = try directory.maintainKeys(now: now) { logger.info("\(done)") }
        let credentials = try directory.serverCredentials()
        self.directory = directory
        self.logger = logger
        self.identity = ServerIdentity(credentials)
        self.issuing = Mutex(IssuingAuthority(authority: try directory.authority(), trusted: credentials.authorities))
    }

    package var issuer: IssuingAuthority { issuing.withLock { $0 } }

    /// Reads the files again.
    ///
    /// - Throws: When they cannot be used; the former keys stay in use then.
    package func reload() throws {
        let credentials = try directory.serverCredentials()
        let authority = try directory.authority()
        try identity.replace(with: credentials)
        issuing.withLock { $0 = IssuingAuthority(authority: authority, trusted: credentials.authorities) }
        logger.info(
            "Keys are read",
            metadata: [
                "certificate": "\(credentials.certificate.fingerprint)",
                "until": "\(credentials.certificate.notValidAfter.formatted(.iso8601))",
                "authorities": "\(credentials.authorities.count)",
            ]
        )
    }

    package func run() async throws {
        try await cancelWhenGracefulShutdown {
            try await withThrowingDiscardingTaskGroup { group in
                group.addTask {
                    for await _ in await UnixSignalsSequence(trapping: .sighup) { self.attempt { try self.reload() } }
                }
                group.addTask {
                    while true {
                        do {
                            try await Task.sleep(for: Self.interval)
                        } catch {
                            return
                        }
                        self.attempt { try self.maintain(now: Date()) }
                    }
                }
            }
        }
    }

    /// Does what is due, and takes the result into use, and what somebody else has done and could not say.
    package func maintain(now: Date) throws {
        if try directory.authority().certificate != issuer.authority.certificate { try reload() }
        guard let done = try directory.maintainKeys(now: now) else { return }
        logger.info("\(done)")
        try reload()
    }

    private func attempt(_ body: () throws -> Void) {
        do {
            try body()
        } catch {
            logger.error("Keys cannot be used; the former ones stay in use", metadata: ["error": "\(error)"])
        }
    }
}
