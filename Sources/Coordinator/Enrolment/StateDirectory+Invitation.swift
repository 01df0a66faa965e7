package import Foundation
package import Transport
private import WireProtocol

extension StateDirectory {
    /// Invites a client: records the hash of a new secret and returns the join string that holds the secret.
    ///
    /// Works beside a running server, which reads the same database, in one, and without one.
    ///
    /// - Parameters:
    ///   - name: What the client is called from now on.
    ///   - seconds: How long the join string is good for.
    ///   - now: When that begins.
    ///   - clients: Where it is recorded; `nil` to open the database for it, which a running server has open already.
    /// - Returns: What to give to whoever runs the client.
    /// - Throws: ``CoordinatorError/invalidClientName(_:)``; ``CoordinatorError/serverNotRunning(path:)`` when the port is
    ///   only known while a server runs.
    package func invite(
        _ name: String,
        validFor seconds: Int,
        now: Date,
        in clients: ClientDirectory? = nil
    ) async throws -> JoinString {
        guard ClientName.isValid(name) else { throw CoordinatorError.invalidClientName(name) }
        let settings = try settings()
        let port = try runningServer()?.enrolment.port ?? settings.enrolmentListen.port
        guard port != 0 else { throw CoordinatorError.serverNotRunning(path: root.path) }
        var generator = SystemRandomNumberGenerator()
        let secret = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        let invitation = try JoinString(
            host: settings.advertisedHost,
            port: port,
            authorityFingerprint: authorityFingerprint(),
            secret: secret,
            expiry: now.addingTimeInterval(TimeInterval(seconds))
        )
        try await (clients ?? openStore().clients).invite(
            name,
            secretHash: EnrolmentDesk.hash(of: secret),
            expiry: invitation.expiry,
            now: now
        )
        return invitation
    }
}
