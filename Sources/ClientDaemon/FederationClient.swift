private import Aggregation
private import FederatedLearning
private import Foundation
package import Logging
private import ServiceLifecycle
package import Transport
private import WireProtocol

/// The daemon: stays connected to the server, and does what it orders.
///
/// It ends when it is told to, when the server refuses it for good, or when the disk can no longer be relied on;
/// everything else it waits out.
package struct FederationClient: Service {
    private let directory: ClientDirectory
    private let configuration: ClientConfiguration
    private let policy: SiloPolicy
    private let membership: Membership
    private let trainers: any TrainerProvider
    private let checkpoints: CheckpointFile?
    private let dialer: any ServerDialer
    private let limits: TransportLimits
    private let backoff: ReconnectBackoff
    private let keepsStatus: Bool
    private let logger: Logger
    private let log: LiveLog?
    private let observe: @Sendable (ClientEvent) -> Void

    /// Creates a daemon.
    ///
    /// - Parameters:
    ///   - directory: A joined directory.
    ///   - configuration: What the silo lends.
    ///   - policy: What it consents to.
    ///   - membership: Who this client is.
    ///   - trainers: Gives the trainer for an order.
    ///   - checkpoints: Where these keep a training while it lasts; `nil` for nowhere.
    ///   - dialer: Connects to the server.
    ///   - limits: The patience with the network.
    ///   - backoff: How long to wait between attempts.
    ///   - keepsStatus: Whether `status.json` tells others how it goes.
    ///   - logger: Where it says what happens.
    ///   - log: What the server may read of that, where the policy lends it; `nil` for nothing.
    ///   - observe: Is told what happens as well; it must not wait.
    package init(
        directory: ClientDirectory,
        configuration: ClientConfiguration,
        policy: SiloPolicy = .open,
        membership: Membership,
        trainers: any TrainerProvider,
        checkpoints: CheckpointFile? = nil,
        dialer: any ServerDialer = TLSServerDialer(),
        limits: TransportLimits = .federation,
        backoff: ReconnectBackoff = ReconnectBackoff(),
        keepsStatus: Bool = true,
        logger: Logger,
        log: LiveLog? = nil,
        observe: @escaping @Sendable (ClientEvent) -> Void = { _ in }
    ) {
        self.directory = directory
        self.configuration = configuration
        self.policy = policy
        self.membership = membership
        self.trainers = trainers
        self.checkpoints = checkpoints
        self.dialer = dialer
        self.limits = limits
        self.backoff = backoff
        self.keepsStatus = keepsStatus
        self.logger = logger
        self.log = policy.lendsLog ? log : nil
        self.observe = observe
    }

    /// Runs until a graceful shutdown, or until there is nothing more to try.
    ///
    /// - Throws: ``Refusal`` when the server does not want this client; ``ClientError/directoryInUse(path:)``; `FileError`
    ///   when the disk has failed; ``TrainerError`` when the silo's own trainer does not start.
    package func run() async throws {
        let lock = try DirectoryLock(of: directory)
        defer { withExtendedLifetime(lock) {} }
        do {
            try await cancelWhenGracefulShutdown { try await trainers.prepare() }
        } catch is CancellationError where Task.isShuttingDownGracefully {
            return
        }
        let outbox = try Outbox(directory: directory.outbox)
        let payloads = try PayloadStore(directory: directory.payloads)
        let journal = Journal(
            status: keepsStatus ? StatusFile(directory: directory, server: membership.server) : nil,
            server: membership.server,
            logger: logger
        )
        let announce = { @Sendable [observe, log] (event: ClientEvent) in
            log?.watch(event)
            journal.record(event)
            observe(event)
        }
        let keeper = CredentialKeeper(membership.credentials, of: directory)
        let memory = JobMemory(folder: directory.memory)
        let unjudged = try await consented(outbox, memory, announce)
        announce(.loaded(updates: unjudged.count))
        let driver = TaskDriver(
            loop: TaskLoop(
                outbox: unjudged,
                payloads: try payloads.digests().map { ContentDigest($0) },
                limits: .init(maximumRank: configuration.maximumRank, policy: policy)
            ),
            worker: OrderWorker(
                client: ClientID(membership.credentials.name),
                maximumRank: configuration.maximumRank,
                trainers: trainers,
                payloads: payloads,
                outbox: outbox,
                memory: memory,
                book: SiloLedger(directory: directory, limit: configuration.privacyLimit),
                checkpoints: checkpoints
            ),
            payloads: payloads,
            outbox: outbox,
            memory: memory,
            observe: announce
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await driver.run() }
            group.addTask { try await self.stayConnected(driver, payloads, outbox, keeper, announce) }
            group.addTask {
                try await gracefulShutdown()
                await driver.leave()
            }
            // Whichever ends first ends all: the goodbye is said, or there is nothing more to try.
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// Reads what waits for a verdict, and drops what the silo no longer consents to.
    private func consented(
        _ outbox: Outbox,
        _ memory: JobMemory,
        _ announce: @Sendable (ClientEvent) -> Void
    ) async throws -> [UnjudgedUpdate] {
        var updates: [UnjudgedUpdate] = []
        for update in try await outbox.load() {
            if let objection = policy.objection(to: update.order) {
                if update.movesControls { try memory.forget(update.order.id.round, of: update.order.id.job) }
                try outbox.remove(update)
                announce(.refused(update.order.id, reason: objection))
            } else {
                updates.append(update)
            }
        }
        return updates
    }

    // MARK: - Connections

    /// What became of one attempt to connect.
    private struct Attempt {
        var decision: ConnectionPolicy.Decision
        var wasWelcomed: Bool
    }

    private func stayConnected(
        _ driver: TaskDriver,
        _ payloads: PayloadStore,
        _ outbox: Outbox,
        _ keeper: CredentialKeeper,
        _ announce: @escaping @Sendable (ClientEvent) -> Void
    ) async throws {
        var backoff = backoff
        var generator = SystemRandomNumberGenerator()
        while true {
            announce(.connecting)
            let attempt = await connect(driver, payloads, outbox, keeper, announce)
            try Task.checkCancellation()
            if Task.isShuttingDownGracefully { return }
            if attempt.wasWelcomed { backoff.succeeded() }
            switch attempt.decision {
            case .stop(let refusal):
                throw refusal
            case .retry(let kind, let problem, let span):
                let own = backoff.nextDelay(using: &generator)
                let delay = span.map { ReconnectBackoff.delay(within: $0, using: &generator) } ?? own
                announce(.disconnected(kind: kind, problem: problem, retry: delay))
                try await Task.sleep(for: delay)
            }
        }
    }

    private func connect(
        _ driver: TaskDriver,
        _ payloads: PayloadStore,
        _ outbox: Outbox,
        _ keeper: CredentialKeeper,
        _ announce: @escaping @Sendable (ClientEvent) -> Void
    ) async -> Attempt {
        var wasWelcomed = false
        do {
            let ending = try await dialer.withConnection(
                to: membership.server,
                credentials: keeper.credentials,
                limits: limits,
                logger: logger
            ) { connection in
                let link = ServerLink(
                    connection: connection,
                    payloads: payloads,
                    outbox: outbox,
                    keeper: keeper,
                    log: log,
                    observe: announce
                )
                let result = await link.run(hello: hello, driver: driver)
                await driver.disconnected(link)
                wasWelcomed = link.wasWelcomed
                return try result.get()
            }
            return Attempt(decision: ConnectionPolicy.decision(after: ending), wasWelcomed: wasWelcomed)
        } catch {
            let decision = ConnectionPolicy.decision(
                after: error,
                certificateHasEnded: keeper.hasEnded(at: .now)
            )
            return Attempt(decision: decision, wasWelcomed: wasWelcomed)
        }
    }

    /// How this client introduces itself: what it is willing to do, and nothing of where or on what it runs.
    private var hello: Tributary_V1_Hello {
        var hello = Tributary_V1_Hello()
        hello.protocolVersion = ProtocolVersion.current
        hello.software = "tributary"
        hello.maximumRank = UInt32(clamping: configuration.maximumRank)
        hello.tags = configuration.tags
        hello.lendsLog = log != nil
        return hello
    }
}
