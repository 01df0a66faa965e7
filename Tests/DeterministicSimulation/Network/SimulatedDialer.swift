import ClientDaemon
import Logging
import NIOCore
import Transport

/// Connects a daemon over the simulated network.
struct SimulatedDialer: ServerDialer {
    /// The client's end of a new connection, and who is at the other.
    typealias End = (channel: any Channel, peer: PeerIdentity)

    private let connect: @Sendable (ClientCredentials) async throws -> End

    /// Creates the dialer of one client; `connect` finds the server, or throws why it does not.
    init(connect: @escaping @Sendable (ClientCredentials) async throws -> End) {
        self.connect = connect
    }

    func withConnection<Result>(
        to server: ServerAddress,
        credentials: ClientCredentials,
        limits: TransportLimits,
        logger: Logger,
        _ body: (FrameConnection) async throws -> Result
    ) async throws -> Result {
        let end = try await connect(credentials)
        return try await FrameConnection.lend(over: end.channel, to: end.peer, limits: limits, body)
    }
}
