package import Foundation
package import Logging
package import Transport
package import WireProtocol

/// What all sessions of a server share.
package struct SessionEnvironment: Sendable {
    let registry: SessionRegistry
    let clients: ClientDirectory
    let audit: AuditLog
    let runs: SQLiteRunStore
    let payloads: PayloadStore
    let limits: ConversationLimits
    let uploads: UploadGate
    let metrics: CoordinatorMetrics
    let logger: Logger
    let now: @Sendable () -> ContinuousClock.Instant
    let date: @Sendable () -> Date
    /// Certifies a new key of a connected client, from a PKCS #10 request.
    let renew: @Sendable (PeerIdentity, [UInt8]) async -> RenewalAnswer
    /// Is told of every error that a session meets and that is not its client's.
    let storageFailed: @Sendable (any Error) -> Void

    package init(
        registry: SessionRegistry,
        store: CoordinatorStore,
        limits: ConversationLimits,
        uploads: UploadGate = UploadGate(),
        metrics: CoordinatorMetrics,
        logger: Logger,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
        date: @escaping @Sendable () -> Date = { Date() },
        renew: @escaping @Sendable (PeerIdentity, [UInt8]) async -> RenewalAnswer = { _, _ in
            .rejected(reason: "This server renews no certificates.")
        },
        storageFailed: @escaping @Sendable (any Error) -> Void = { _ in }
    ) {
        self.registry = registry
        self.clients = store.clients
        self.audit = store.audit
        self.runs = store.runs
        self.payloads = store.payloads.store
        self.limits = limits
        self.uploads = uploads
        self.metrics = metrics
        self.logger = logger
        self.now = now
        self.date = date
        self.renew = renew
        self.storageFailed = storageFailed
    }

    /// When a date comes, by the clock that nobody sets.
    func instant(of date: Date) -> ContinuousClock.Instant {
        now() + .seconds(date.timeIntervalSince(self.date()))
    }
}
