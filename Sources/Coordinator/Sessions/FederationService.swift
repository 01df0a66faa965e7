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
            try await listener.run(onBound: onBound) { connection in await serve(connection) }
        }
        await environment.registry.close()
    }

    private func serve(_ connection: FrameConnection) async {
        let session = ClientSession(peer: connection.peer, environment: environment)
        await SessionDriver(connection: connection, session: session, payloads: environment.payloads).run()
        guard await environment.registry.leave(session) else { return }
        let lastHeard = await session.lastHeard
        try? await environment.clients.departed(session.client, at: lastHeard)
        environment.logger.info("Client disconnected", metadata: ["client.id": "\(session.client)"])
    }
}
