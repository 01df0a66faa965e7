/// Why there is no connection, or no longer one.
package enum TransportError: Error, Sendable, Equatable {
    case cannotListen(host: String, port: Int, reason: String)
    case unknownHost(String)
    case refused(host: String, port: Int)
    case unreachable(host: String, port: Int, reason: String)
    /// No TLS 1.3 with this peer.
    case tls(reason: String)
    case handshakeTimedOut(after: String)
    /// The peer is not who it should be, or cannot prove it.
    case untrusted(reason: String)
    /// The peer does not accept our certificate.
    case rejected(reason: String)
    /// By the peer's clock our certificate has ended, or has not begun: TLS has one alert for both.
    case expired
    /// The listener holds as many connections as it may.
    case full(limit: Int)
    /// The peer has not taken a byte for that long.
    case peerDoesNotRead(after: String)
    /// The peer's machine has acknowledged nothing for that long.
    case peerIsGone(after: String)
    case lost(reason: String)
    case closed

    /// The class of a failure, for the first line that a user reads.
    package enum Kind: String, Sendable {
        case configuration
        case dns = "DNS"
        case refused
        case unreachable
        case tls = "TLS"
        case identity
        case lost
    }

    package var kind: Kind {
        switch self {
        case .cannotListen: .configuration
        case .unknownHost: .dns
        case .refused, .full: .refused
        case .unreachable: .unreachable
        case .tls, .handshakeTimedOut: .tls
        case .untrusted, .rejected, .expired: .identity
        case .peerDoesNotRead, .peerIsGone, .lost, .closed: .lost
        }
    }
}

extension TransportError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .cannotListen(let host, let port, let reason):
            "Cannot listen on \(host):\(port): \(reason). Choose another port or address."
        case .unknownHost(let host):
            "The host '\(host)' is not known (DNS). Check the name, or use an IP address that the server's certificate names."
        case .refused(let host, let port):
            "\(host):\(port) refused the connection. Check that the server runs and that the port is right."
        case .unreachable(let host, let port, let reason):
            "\(host):\(port) cannot be reached: \(reason). Check the network and the firewall."
        case .tls(let reason):
            "TLS 1.3 could not be agreed on: \(reason). Check that this is the federation's port."
        case .handshakeTimedOut(let patience):
            "The TLS handshake took longer than \(patience). Check that this is the federation's port, and the network."
        case .untrusted(let reason):
            "The other side could not prove its identity: \(reason)."
        case .rejected(let reason):
            "The other side does not accept this certificate: \(reason). Enrol again with a new join string."
        case .expired:
            "By the other side's clock this certificate is not valid now. Check both clocks, or enrol again with a new join string."
        case .full(let limit):
            "All \(limit) connections are taken. Try again later."
        case .peerDoesNotRead(let patience):
            "The other side has read nothing for \(patience). The connection was closed; what was sent is sent again."
        case .peerIsGone(let patience):
            "The other side's machine, or the way to it, has been silent for \(patience). The connection will be made again."
        case .lost(let reason):
            "The connection was lost: \(reason). It will be made again."
        case .closed:
            "The connection is closed. Connect again."
        }
    }
}
