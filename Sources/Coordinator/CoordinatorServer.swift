private import Foundation
package import Logging
private import ServiceLifecycle
private import Transport
private import UnixSignals
private import WireProtocol

/// A running server: everything of one state directory, put together.
package struct CoordinatorServer: Sendable {
    private let directory: StateDirectory
    private let logger: Logger

    package init(directory: StateDirectory, logger: Logger) {
        self.directory = directory
        self.logger = logger
    }

    /// Serves until SIGTERM or SIGINT.
    ///
    /// - Parameter onServing: Called once, when all listeners are bound.
    /// - Throws: ``CoordinatorError/alreadyRunning(path:process:)``; why a listener cannot be bound; why the storage failed.
    package func run(onServing: @escaping @Sendable (BoundAddresses) -> Void) async throws {
        let lock = try directory.lock()
        defer { withExtendedLifetime(lock) {} }
        let settings = try directory.settings()
        let store = try directory.openStore()
        try await store.removeUnusedPayloads()
        let addresses = AddressBook(process: ProcessInfo.processInfo.processIdentifier) { addresses in
            do {
                try directory.announce(addresses)
                onServing(addresses)
            } catch {
                logger.error("The addresses cannot be written", metadata: ["error": "\(error)"])
            }
        }
        defer { directory.withdrawAnnouncement() }
        let services = try services(settings: settings, store: store, addresses: addresses)
        try await ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services,
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: logger
            )
        ).run()
    }

    /// In the order in which they start; they shut down in reverse.
    private func services(
        settings: ServerSettings,
        store: CoordinatorStore,
        addresses: AddressBook
    ) throws -> [any Service] {
        let metrics = CoordinatorMetrics()
        let credentials = try directory.serverCredentials()
        let registry = SessionRegistry(metrics: metrics)
        let federation = FederationService(
            listener: FederationListener(
                host: settings.listen.host,
                port: settings.listen.port,
                credentials: credentials,
                limits: .server,
                logger: logger
            ),
            environment: SessionEnvironment(
                registry: registry,
                store: store,
                limits: ConversationLimits(payloadBytes: settings.maximumPayload),
                metrics: metrics,
                logger: logger
            ),
            onBound: { await addresses.federationIsBound(to: ListenAddress(host: $0.host, port: $0.port)) }
        )
        let enrolment = EnrolmentService(
            listener: EnrolmentListener(
                host: settings.enrolmentListen.host,
                port: settings.enrolmentListen.port,
                credentials: credentials,
                logger: logger
            ),
            desk: EnrolmentDesk(
                clients: store.clients,
                authority: try directory.authority(),
                lifetime: .days(settings.certificateDays),
                metrics: metrics,
                logger: logger
            ),
            federation: {
                await ListenAddress(host: settings.advertisedHost, port: addresses.federationAddress().port)
            },
            onBound: { await addresses.enrolmentIsBound(to: ListenAddress(host: $0.host, port: $0.port)) }
        )
        let runner = JobRunner(store: store, logger: logger) { job in
            try .live(job, store: store, registry: registry, metrics: metrics, logger: logger)
        }
        let admin = AdminService(
            api: AdminAPI(
                administration: Administration(store: store, registry: registry, runner: runner),
                token: AdminToken(try directory.adminToken())
            ),
            listen: settings.adminListen,
            feed: store.feed,
            logger: logger,
            onBound: { await addresses.adminIsBound(to: $0) }
        )
        return [federation, enrolment, runner, admin]
    }
}
