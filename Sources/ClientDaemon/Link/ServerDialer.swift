package import Logging
package import Transport

/// Connects to the server: over TLS when deployed, over a simulated network in tests.
///
/// ``FederationClient`` calls it for every attempt to connect, never two at a time.
package protocol ServerDialer: Sendable {
    /// Connects, lends the connection to `body`, and closes it.
    ///
    /// - Throws: `TransportError`, whose kind says where it failed; and what `body` throws.
    func withConnection<Result>(
        to server: ServerAddress,
        credentials: ClientCredentials,
        limits: TransportLimits,
        logger: Logger,
        _ body: (FrameConnection) async throws -> Result
    ) async throws -> Result
}

/// TLS 1.3 with certificates at both ends.
package struct TLSServerDialer: ServerDialer {
    package init() {}

    package func withConnection<Result>(
        to server: ServerAddress,
        credentials: ClientCredentials,
        limits: TransportLimits,
        logger: Logger,
        _ body: (FrameConnection) async throws -> Result
    ) async throws -> Result {
        try await FederationDialer.withConnection(
            host: server.host,
            port: server.port,
            credentials: credentials,
            limits: limits,
            logger: logger,
            body
        )
    }
}
