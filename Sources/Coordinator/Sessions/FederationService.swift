private import Foundation
private import Logging
import ServiceLifecycle
package import Transport

/// Serves enrolled clients until the server shuts down.
package struct FederationService: Service {
    private let listener: FederationListener
    private let environment: SessionEnvironment
    private let onBound: @Sendable (BoundAddress) async -> Void

    /// Creates the service; `onBound` is told where clients can connect.
    package init(
        listener: FederationListener,
        environment: SessionEnvironment,
        onBound: @escaping @Sendable (BoundAddress) async -> Void
    ) {
        self.listener = listener
        self.environment = environment
        self.onBound = onBound
    }

    package func run() async throws {
        try await cancelWhenGracefulShutdown {
            try await listener.run(onBound: onBound) { connection in await environment.serve(connection) }
        }
        await environment.registry.close()
    }
}

extension SessionEnvironment {
    /// Holds the conversation over a connection to its end.
    package func serve(_ connection: FrameConnection) async {
        let session = ClientSession(peer: connection.peer, environment: self)
        await SessionDriver(connection: connection, session: session, payloads: payloads).run()
        guard await registry.leave(session) else { return }
        let lastHeard = await session.lastHeard
        do {
            try await clients.departed(session.client, at: lastHeard)
        } catch {
            logger.error(
                "A departure is not on record",
                metadata: ["client.id": "\(session.client)", "error": "\(error)"]
            )
            storageFailed(error)
        }
        logger.info("Client disconnected", metadata: ["client.id": "\(session.client)"])
    }
}
