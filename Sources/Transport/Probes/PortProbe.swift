private import Glibc
import NIOCore
import NIOPosix

/// Whether a port can be had, or somebody answers on it.
package enum PortProbe {
    private static let patience = TimeAmount.seconds(5)

    /// Makes sure that a listener could bind there, and gives the place back.
    ///
    /// - Throws: ``TransportError/cannotListen(host:port:reason:)``.
    package static func bind(host: String, port: Int) async throws {
        do {
            let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .bind(host: host, port: port).get()
            try await channel.close()
        } catch {
            throw TransportError.cannotListen(host: host, port: port, reason: reason(of: error))
        }
    }

    /// Makes a connection, and closes it.
    ///
    /// - Throws: ``TransportError``, whose kind says where it failed.
    package static func connect(host: String, port: Int) async throws {
        do {
            let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .connectTimeout(patience)
                .connect(host: host, port: port).get()
            try await channel.close()
        } catch {
            throw TransportError.connecting(to: host, port: port, failedWith: error)
        }
    }

    private static func reason(of error: any Error) -> String {
        guard let error = error as? IOError else { return "\(error)" }
        switch error.errnoCode {
        case EADDRINUSE: return "another program uses the port"
        case EACCES: return "ports below 1024 need the capability CAP_NET_BIND_SERVICE"
        case EADDRNOTAVAIL: return "no network interface has this address"
        default: return error.description
        }
    }
}
