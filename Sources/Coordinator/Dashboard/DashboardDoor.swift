package import Foundation
private import Synchronization

/// The door of the dashboard: who shows a token gets a session.
package final class DashboardDoor: Sendable {
    private let tokens: [AdminToken]
    private let now: @Sendable () -> Date
    private let sessions = Mutex(SessionTable())

    /// - Parameters:
    ///   - tokens: Any of these opens the door.
    ///   - now: By which sessions end.
    package init(tokens: [AdminToken], now: @escaping @Sendable () -> Date = { Date() }) {
        self.tokens = tokens
        self.now = now
    }

    /// Returns the secret of a new session, or `nil` when the token is wrong.
    func logIn(_ token: String) -> String? {
        // All are compared, so that the time tells nothing.
        guard tokens.map({ $0.equals(token) }).contains(true) else { return nil }
        let secret = AdminToken.generate()
        sessions.withLock { $0.begin(secret, at: now()) }
        return secret
    }

    func admits(_ secret: String) -> Bool { sessions.withLock { $0.admits(secret, at: now()) } }

    func logOut(_ secret: String) { sessions.withLock { $0.end(secret) } }
}
