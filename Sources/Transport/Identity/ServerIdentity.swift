import NIOSSL
import Synchronization

/// What a server shows, and whom it trusts: replaced while it serves, for the connections that come from then on.
package final class ServerIdentity: Sendable {
    private struct State: Sendable {
        var credentials: ServerCredentials
        var federation: NIOSSLContext?
        var enrolment: NIOSSLContext?
    }

    private let state: Mutex<State>

    package init(_ credentials: ServerCredentials) {
        self.state = Mutex(State(credentials: credentials))
    }

    package var credentials: ServerCredentials { state.withLock { $0.credentials } }

    /// Takes other credentials into use; open connections stay as they are.
    ///
    /// - Throws: When TLS cannot be set up with them; the former ones stay in use then.
    package func replace(with credentials: ServerCredentials) throws {
        let federation = try TLSSettings.federationServer(credentials.credentials)
        let enrolment = try TLSSettings.enrolmentServer(credentials.credentials)
        state.withLock { $0 = State(credentials: credentials, federation: federation, enrolment: enrolment) }
    }

    /// For connections between members.
    func federationContext() throws -> NIOSSLContext {
        try state.withLock { state in
            if let context = state.federation { return context }
            let context = try TLSSettings.federationServer(state.credentials.credentials)
            state.federation = context
            return context
        }
    }

    /// For connections of strangers.
    func enrolmentContext() throws -> NIOSSLContext {
        try state.withLock { state in
            if let context = state.enrolment { return context }
            let context = try TLSSettings.enrolmentServer(state.credentials.credentials)
            state.enrolment = context
            return context
        }
    }
}
