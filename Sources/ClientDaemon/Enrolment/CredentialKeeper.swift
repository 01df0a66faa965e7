package import Foundation
private import Synchronization
package import Transport

/// This client's credentials, renewed in time and kept in its directory.
///
/// Every renewal is of a new key. The key is on disk before the server hears of it, and the pair changes as one
/// (`KeyPairFiles`): a crash at any instant leaves credentials that work.
package final class CredentialKeeper: Sendable {
    private struct State: Sendable {
        var credentials: ClientCredentials
        /// The key whose request is on its way.
        var requested: NodeKey?
    }

    private let directory: ClientDirectory
    private let state: Mutex<State>

    /// Creates a keeper of the credentials that were read from `directory`.
    package init(_ credentials: ClientCredentials, of directory: ClientDirectory) {
        self.directory = directory
        self.state = Mutex(State(credentials: credentials))
    }

    package var credentials: ClientCredentials { state.withLock { $0.credentials } }

    private static let shortestWait = Duration.seconds(1)
    private static let longestWait = Duration.seconds(3600)

    /// How long to wait from `now` until the next request, at least and at most an hour at a time, because somebody may set
    /// the clock.
    ///
    /// - Parameters:
    ///   - now: The time.
    ///   - isRetry: Whether a request was made already: then it is made again after a part of what is left.
    /// - Returns: The wait; zero when a request is due.
    package func wait(at now: Date, isRetry: Bool) -> Duration {
        let certificate = credentials.certificate
        let due = certificate.renewalDate.timeIntervalSince(now)
        guard due <= 0 else { return min(.seconds(due), Self.longestWait) }
        guard isRetry else { return .zero }
        let left = certificate.notValidAfter.timeIntervalSince(now)
        return min(max(.seconds(left / 10), Self.shortestWait), Self.longestWait)
    }

    /// Whether a request is due.
    package func isDue(at now: Date) -> Bool { credentials.certificate.renewalDate <= now }

    /// Whether no renewal can help any more: a certificate that has not begun yet will, one that has ended will not.
    package func hasEnded(at now: Date) -> Bool { credentials.certificate.notValidAfter < now }

    /// Makes a new key durable, and returns a request for its certificate.
    package func request() throws -> [UInt8] {
        let key = NodeKey()
        let request = try key.certificateRequest()
        try directory.keyPair.prepare(key)
        state.withLock { $0.requested = key }
        return request
    }

    /// Takes the server's answer to the latest request into use, from the next connection on.
    ///
    /// - Parameters:
    ///   - certificate: The new certificate, in DER.
    ///   - authorities: Whom to trust from now on, in DER.
    /// - Throws: `CredentialError` when the parts do not belong together, or name another client; nothing changes then.
    package func accept(certificate: [UInt8], authorities: [[UInt8]]) throws {
        guard let key = state.withLock({ $0.requested }) else { return }
        let certificate = try NodeCertificate(bytes: certificate)
        var trusted: [NodeCertificate] = []
        for authority in authorities { trusted.append(try NodeCertificate(bytes: authority)) }
        let renewed = try ClientCredentials(certificate: certificate, key: key, authorities: trusted)
        guard renewed.name == credentials.name else { throw CredentialError.invalidName(renewed.name) }
        // Both authorities go first: with them the old certificate works as well as the new one.
        try NodeCertificate.write(trusted, to: directory.authorityFile)
        try directory.keyPair.commit(certificate)
        state.withLock { state in
            state.credentials = renewed
            state.requested = nil
        }
    }
}
