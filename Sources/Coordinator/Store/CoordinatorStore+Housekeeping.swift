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
}
