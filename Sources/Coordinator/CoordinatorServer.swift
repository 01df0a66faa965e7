private import Foundation
package import Logging
private import ServiceLifecycle
private import Transport
private import UnixSignals
private import WireProtocol

/// A running server: everything of one state directory, put together.
package struct CoordinatorServer: Sendable {
    private let directory: StateDirectory
    private let dashboardToken: String?
    private let logger: Logger

    /// - Parameters:
    ///   - directory: What it serves from.
    ///   - dashboardToken: What logs in to the dashboard while this server runs, beside the admin token.
    ///   - logger: Where it says what happens.
    package init(directory: StateDirectory, dashboardToken: String? = nil, logger: Logger) {
        self.directory = directory
        self.dashboardToken = dashboardToken
        self.logger = logger
    }

    /// Serves until SIGTERM or SIGINT.
    ///
    /// - Parameter onServing: Called once, when all listeners are bound.
    /// - Throws: ``CoordinatorError/alreadyRunning(path:process:)``; which records are damaged; why a listener cannot be
    ///   bound; why the storage failed.
    package func run(onServing: @escaping @Sendable (BoundAddresses) -> Void) async throws {
        try directory.checkStorage(logger: logger)
        let lock = try directory.lock()
        defer { withExtendedLifetime(lock) {} }
        let settings = try directory.settings()
        let store = try directory.openStore()
        try store.renewLog()
        try await store.verifyRecords()
        try store.payloads.store.removeLeftovers()
        try await store.removeUnusedPayloads()
        for damage in try await store.runs.findDamage() {
            logger.error("A payload is not as it was written", metadata: ["payload": "\(damage)"])
        }
        let storage = StorageWatch()
        let addresses = AddressBook(process: ProcessInfo.processInfo.processIdentifier) { addresses in
            do {
                try directory.announce(addresses)
                onServing(addresses)
            } catch {
                // No command could find this server.
                storage.stop(because: error)
            }
        }
        defer { directory.withdrawAnnouncement() }
        let services = try services(settings: settings, store: store, storage: storage, addresses: addresses)
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
        storage: StorageWatch,
        addresses: AddressBook
    ) throws -> [any Service] {
        let figures = MetricsRegistry()
        let metrics = CoordinatorMetrics(factory: figures)
        let keys = try ServerKeys(of: directory, now: Date(), logger: logger)
        let registry = SessionRegistry(metrics: metrics)
        let desk = EnrolmentDesk(
            clients: store.clients,
            issuer: { keys.issuer },
            lifetime: .seconds(settings.certificateHours * 3600),
            metrics: metrics,
            logger: logger,
            expel: { name in await registry.expel(name) },
            storageFailed: storage.notice
        )
        let federation = FederationService(
            listener: FederationListener(
                host: settings.listen.host,
                port: settings.listen.port,
                identity: keys.identity,
                limits: .server,
                logger: logger
            ),
            environment: SessionEnvironment(
                registry: registry,
                store: store,
                limits: ConversationLimits(payloadBytes: settings.maximumPayload),
                metrics: metrics,
                logger: logger,
                renew: { peer, request in await desk.renew(peer, certificateRequest: request) },
                storageFailed: storage.notice
            ),
            onBound: { await addresses.federationIsBound(to: ListenAddress(host: $0.host, port: $0.port)) }
        )
        let enrolment = EnrolmentService(
            listener: EnrolmentListener(
                host: settings.enrolmentListen.host,
                port: settings.enrolmentListen.port,
                identity: keys.identity,
                logger: logger
            ),
            desk: desk,
            federation: {
                await ListenAddress(host: settings.advertisedHost, port: addresses.federationAddress().port)
            },
            onBound: { await addresses.enrolmentIsBound(to: ListenAddress(host: $0.host, port: $0.port)) }
        )
        let runner = JobRunner(store: store, logger: logger) { job in
            try .live(
                job,
                store: store,
                registry: registry,
                metrics: metrics,
                logger: logger,
                storageFailed: storage.notice
            )
        }
        let admin = AdminService(
            api: AdminAPI(
                administration: Administration(
                    store: store,
                    registry: registry,
                    runner: runner,
                    reload: keys.reload,
                    invite: { name, seconds in
                        try await directory.invite(name, validFor: seconds, now: Date(), in: store.clients)
                    }
                ),
                token: try directory.adminToken(),
                dashboardTokens: dashboardToken.map { [$0] } ?? [],
                metrics: figures,
                failed: storage.notice
            ),
            listen: settings.adminListen,
            feed: store.feed,
            logger: logger,
            onBound: { await addresses.adminIsBound(to: $0) }
        )
        return [storage, keys, federation, enrolment, runner, admin]
    }
}
