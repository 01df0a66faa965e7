private import Transport
private import WireProtocol

/// What the end of a connection, or of an attempt to make one, means for the daemon.
package enum ConnectionPolicy {
    package enum Decision: Sendable, Equatable {
        /// Try again: at a time of the client's choice within the span that the server names, or after the backoff.
        case retry(kind: String, problem: String, within: Duration? = nil)
        /// No attempt can succeed until somebody does something.
        case stop(Refusal)
    }

    /// Judges a connection that ended without an error.
    package static func decision(after ending: ServerLink.Ending) -> Decision {
        switch ending {
        case .closed:
            .retry(kind: "closed", problem: "The server closed the connection.")
        case .goodbye(.revoked, let reason, _):
            .stop(.revoked(reason: reason))
        case .goodbye(.versionUnsupported, let reason, _):
            .stop(.incompatible(reason: reason))
        case .goodbye(.replaced, let reason, _):
            .stop(.replaced(reason: reason))
        case .goodbye(_, let reason, let span):
            .retry(
                kind: "closed",
                problem: reason.isEmpty ? "The server closed the connection." : reason,
                within: span
            )
        }
    }

    /// Judges a connection that failed, or was never made.
    ///
    /// - Parameters:
    ///   - error: Why.
    ///   - hasEnded: Whether this client's certificate has ended by this client's own clock. A server that says so while the
    ///     client sees it otherwise may have the wrong time, which heals; a certificate that has ended does not.
    /// - Returns: What to do next.
    package static func decision(after error: any Error, certificateHasEnded hasEnded: Bool) -> Decision {
        switch error {
        case TransportError.rejected(let reason):
            .stop(.rejected(reason: reason))
        case TransportError.expired where hasEnded:
            .stop(.rejected(reason: "it has expired"))
        case ProtocolViolation.unsupportedVersion:
            .stop(.incompatible(reason: "\(error)"))
        default:
            // The class comes first in what a user reads: DNS, refused, TLS, identity …
            .retry(kind: (error as? TransportError)?.kind.rawValue ?? "protocol", problem: "\(error)")
        }
    }
}

/// Why the server does not want this client, or not like this.
package enum Refusal: Error, Sendable, Equatable {
    case revoked(reason: String)
    /// The handshake ended with the server's no to our certificate.
    case rejected(reason: String)
    case incompatible(reason: String)
    /// Another process connected with this client's certificate.
    case replaced(reason: String)
}

extension Refusal: CustomStringConvertible {
    package var description: String {
        switch self {
        case .revoked:
            "The server has revoked this client. Ask its operator for a new join string, and use it with `fed-client join --again`."
        case .rejected(let reason):
            """
            The server does not accept this client's certificate: \(reason). Ask its operator for a new join string, and use it \
            with `fed-client join --again`.
            """
        case .incompatible(let reason):
            "Server and client do not speak the same protocol: \(reason) Install the same release on both."
        case .replaced:
            "Another process connected with this client's certificate. Run one fed-client for each invitation."
        }
    }
}
