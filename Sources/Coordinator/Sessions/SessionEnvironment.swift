package import Foundation
package import Logging
import Transport
package import WireProtocol

/// What all sessions of a server share.
package struct SessionEnvironment: Sendable {
    let registry: SessionRegistry
    let clients: ClientDirectory
    let runs: SQLiteRunStore
    let payloads: PayloadStore
    let limits: ConversationLimits
    let uploads: UploadGate
    let metrics: CoordinatorMetrics
    let logger: Logger
    let now: @Sendable () -> ContinuousClock.Instant
    let date: @Sendable () -> Date

    package init(
        registry: SessionRegistry,
        store: CoordinatorStore,
        limits: ConversationLimits,
        uploads: UploadGate = UploadGate(),
        metrics: CoordinatorMetrics,
        logger: Logger,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
        date: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.registry = registry
        self.clients = store.clients
        self.runs = store.runs
        self.payloads = store.payloads.store
        self.limits = limits
        self.uploads = uploads
        self.metrics = metrics
        self.logger = logger
        self.now = now
        self.date = date
    }
}
