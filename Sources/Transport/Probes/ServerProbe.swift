package import Logging
import NIOCore

/// Looks at the way to a listener step by step, so that what fails has a name: the host, the port, or the TLS behind it.
package enum ServerProbe {
    /// Asks for the host's address, connects, and makes a handshake.
    ///
    /// - Parameters:
    ///   - host: The listener's host, as its certificate has to name it.
    ///   - port: Its port.
    ///   - label: What the findings call the listener; empty for none.
    ///   - handshake: Connects and makes a handshake; returns what there is to say of it.
    /// - Returns: Findings about DNS, port and TLS, up to the first that fails.
    package static func findings(
        host: String,
        port: Int,
        label: String = "",
        handshake: () async throws -> String
    ) async -> [Finding] {
        func subject(_ text: String) -> String { label.isEmpty ? text : "\(label) \(text)" }
        let name = Finding(subject("DNS")) {
            do {
                let address = try SocketAddress.makeAddressResolvingHost(HostName(host).text, port: port)
                let text = address.ipAddress ?? "\(address)"
                return text == host ? "\(host) is an address" : "\(host) is \(text)"
            } catch is SocketAddressError.UnknownHost {
                throw TransportError.unknownHost(host)
            }
        }
        guard name.isWell else { return [name] }
        do {
            let text = try await handshake()
            return [
                name, Finding(subject("port"), isWell: true, "\(port) answers"),
                Finding(subject("TLS"), isWell: true, text),
            ]
        } catch let error as TransportError {
            switch error.kind {
            case .dns: return [Finding(subject("DNS"), isWell: false, "\(error)")]
            case .configuration, .refused, .unreachable:
                return [name, Finding(subject("port"), isWell: false, "\(error)")]
            case .tls, .identity, .lost:
                let port = Finding(subject("port"), isWell: true, "\(port) answers")
                return [name, port, Finding(subject("TLS"), isWell: false, "\(error)")]
            }
        } catch {
            return [name, Finding(subject("TLS"), isWell: false, "\(error)")]
        }
    }

    /// Makes a handshake with an enrolment listener, and says nothing on it.
    ///
    /// - Parameters:
    ///   - host: The name that join strings have.
    ///   - port: The listener's port.
    ///   - authority: The authority that the server's certificate has to be from.
    ///   - limits: How long to wait.
    ///   - logger: Where it says what happens.
    /// - Throws: ``TransportError``, whose kind says where it failed.
    package static func greetEnrolment(
        host: String,
        port: Int,
        authority: CertificateFingerprint,
        limits: TransportLimits = .enrolment,
        logger: Logger
    ) async throws {
        let admission = try await EnrolmentDialer.connect(host: host, port: port, authority: authority, limits: limits)
        logger.debug("connected", metadata: ["server.address": "\(admission.address)"])
        try await admission.channel.executeThenClose { _, _ in }
    }
}
