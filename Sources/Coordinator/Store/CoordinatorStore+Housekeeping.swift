import FederatedLearning
import Transport
import WireProtocol

extension CoordinatorStore {
    /// Removes the payloads that nothing refers to any more.
    ///
    /// These are updates that were rejected or counted, and adapters handed out in rounds that are over. What every
    /// committed round left stays. To be called only when no update can be on its way between payload folder and database: before clients connect, and between jobs.
    package func removeUnusedPayloads() async throws {
        let needed = try await runs.neededPayloads()
        for digest in try payloads.store.digests() where !needed.contains(ContentDigest(digest)) {
            try payloads.store.remove(digest)
        }
    }

    /// Makes what an earlier process has left as durable as what this one will write.
    ///
    /// - Throws: ``CoordinatorError/databaseDamaged(path:reason:)``, ``CoordinatorError/databaseUnusable(path:reason:)``.
    package func renewLog() throws { try runs.database.renewLog() }

    /// Makes sure that every record is as it was written.
    ///
    /// - Throws: ``CoordinatorError/databaseDamaged(path:reason:)``.
    package func verifyRecords() async throws { try await runs.database.verify() }

    /// Makes sure that every record and every needed payload is as it was written, which reads them all.
    ///
    /// - Throws: ``CoordinatorError/databaseDamaged(path:reason:)``, ``CoordinatorError/payloadsDamaged(_:)``.
    package func verify() async throws {
        try await verifyRecords()
        let damage = try await runs.findDamage(comparingDigests: true)
        guard damage.isEmpty else { throw CoordinatorError.payloadsDamaged(damage) }
    }
}
