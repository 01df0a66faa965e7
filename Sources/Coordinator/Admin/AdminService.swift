private import Hummingbird
private import HummingbirdCore
package import Logging
private import NIOCore
import ServiceLifecycle

/// Serves the admin API until the server shuts down.
package struct AdminService: Service {
    private let api: AdminAPI
    private let listen: ListenAddress
    private let feed: JobFeed
    private let logger: Logger
    private let onBound: @Sendable (ListenAddress) async -> Void

    /// How long a request may stand still before it is whole, and how long a connection may be kept for the next.
    private static let patience = TimeAmount.seconds(30)

    /// Creates the service; `onBound` is told where the API can be reached.
    ///
    /// `feed` is closed at the beginning of a shutdown, so that nobody who watches a job holds it up.
    package init(
        api: AdminAPI,
        listen: ListenAddress,
        feed: JobFeed,
        logger: Logger,
        onBound: @escaping @Sendable (ListenAddress) async -> Void
    ) {
        self.api = api
        self.listen = listen
        self.feed = feed
        self.logger = logger
        self.onBound = onBound
    }

    package func run() async throws {
        let application = Application(
            router: api.router(),
            server: .http1(configuration: HTTP1Channel.Configuration(idleTimeout: Self.patience)),
            configuration: ApplicationConfiguration(
                address: .hostname(listen.host, port: listen.port),
                serverName: Software.description
            ),
            onServerRunning: { channel in
                await onBound(ListenAddress(host: listen.host, port: channel.localAddress?.port ?? listen.port))
            },
            logger: logger
        )
        try await withGracefulShutdownHandler {
            try await application.run()
        } onGracefulShutdown: {
            feed.close()
        }
    }
}
