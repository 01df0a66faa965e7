import Glibc
import NIOCore
import NIOPosix
import NIOSSL
import WireProtocol

extension TransportError {
    /// Puts an error of the libraries below into our terms.
    ///
    /// Errors that are ours already are returned as they are.
    static func mapping(_ error: any Error) -> any Error {
        switch error {
        case is TransportError, is FramingError, is ProtocolViolation, is CredentialError, is CancellationError:
            error
        case let error as NIOSSLError:
            mapping(error)
        case let error as BoringSSLError:
            mapping(error)
        case let error as NIOSSLExtraError where error == .failedToValidateHostname:
            untrusted(
                reason: "its certificate does not name this host. Use a name that `fed-server init --host` was given"
            )
        case let error as ChannelError where error == .ioOnClosedChannel || error == .alreadyClosed:
            closed
        case let error as IOError where error.errnoCode == ETIMEDOUT:
            // Nobody answered the system's questions.
            peerIsGone(after: "\(ConnectionOptions.KeepAlive.patience)")
        case let error as IOError:
            lost(reason: error.description)
        default:
            lost(reason: "\(error)")
        }
    }

    private static func mapping(_ error: NIOSSLError) -> TransportError {
        switch error {
        case .handshakeFailed(let error): mapping(error)
        case .uncleanShutdown: .lost(reason: "the other side vanished without saying goodbye")
        default: .tls(reason: "\(error)")
        }
    }

    /// BoringSSL reports reasons by name only.
    private static func mapping(_ error: BoringSSLError) -> TransportError {
        guard case .sslError(let stack) = error else { return .lost(reason: "\(error)") }
        let reasons = stack.map(\.description).joined(separator: " ")
        let reason = Self.readableReason(reasons)
        if reasons.contains("CERTIFICATE_VERIFY_FAILED") || reasons.contains("PEER_DID_NOT_RETURN_A_CERTIFICATE") {
            return .untrusted(reason: reason)
        }
        if reasons.contains("ALERT_CERTIFICATE_EXPIRED") { return .expired }
        let alertsAboutOurs = ["CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED"]
        if reasons.contains("ALERT"), alertsAboutOurs.contains(where: reasons.contains) {
            return .rejected(reason: reason)
        }
        return .tls(reason: reason)
    }

    private static func readableReason(_ reasons: String) -> String {
        let known = [
            ("CERTIFICATE_VERIFY_FAILED", "its certificate is not from this federation's authority, or has expired"),
            ("PEER_DID_NOT_RETURN_A_CERTIFICATE", "it has no certificate"),
            ("ALERT_CERTIFICATE_REQUIRED", "there is none"),
            ("ALERT_UNKNOWN_CA", "it is from another authority"),
            ("ALERT_PROTOCOL_VERSION", "the other side speaks another version of TLS"),
            ("UNSUPPORTED_PROTOCOL", "the other side speaks another version of TLS"),
            ("WRONG_VERSION_NUMBER", "the other side does not speak TLS"),
        ]
        return known.first { reasons.contains($0.0) }?.1 ?? reasons
    }

    /// Puts a failed attempt to connect into our terms.
    static func connecting(to host: String, port: Int, failedWith error: any Error) -> any Error {
        switch error {
        case let error as NIOConnectionError:
            if error.connectionErrors.isEmpty { return unknownHost(host) }
            let codes = error.connectionErrors.map { ($0.error as? IOError)?.errnoCode }
            if codes.allSatisfy({ $0 == ECONNREFUSED }) { return refused(host: host, port: port) }
            let reasons = error.connectionErrors.map { failure in
                (failure.error as? IOError)?.description ?? "no answer"
            }
            return unreachable(host: host, port: port, reason: reasons.joined(separator: "; "))
        case ChannelError.connectTimeout(let timeout):
            return unreachable(
                host: host,
                port: port,
                reason: "no answer within \(timeout.nanoseconds / 1_000_000_000) s"
            )
        case let error as IOError where error.errnoCode == ECONNREFUSED:
            return refused(host: host, port: port)
        case let error as IOError:
            return unreachable(host: host, port: port, reason: error.description)
        default:
            return mapping(error)
        }
    }
}
