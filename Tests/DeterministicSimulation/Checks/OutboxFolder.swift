import ClientDaemon
import FederatedLearning
import Foundation

/// What lies whole in a client's outbox on disk, read without the shipped code that is under test.
enum OutboxFolder {
    /// An update that waits for its verdict, and its payload.
    typealias Item = (update: UnjudgedUpdate, payload: [UInt8])

    /// Reads an outbox; what is torn, damaged or not under its name yet is left out, as its order is worked again.
    ///
    /// - Parameter folder: The outbox's folder.
    /// - Returns: What is whole, in the order of the records' names.
    static func items(at folder: URL) -> [Item] {
        let records = folder.appendingPathComponent("records", isDirectory: true)
        let names = (try? FileManager.default.contentsOfDirectory(atPath: records.path)) ?? []
        return names.sorted().compactMap { name in
            guard name.hasSuffix(".json"),
                let record = try? Data(contentsOf: records.appendingPathComponent(name)),
                let update = try? JSONDecoder().decode(UnjudgedUpdate.self, from: record),
                let payload = try? Data(contentsOf: folder.appendingPathComponent("blobs/\(update.adapter.digest)")),
                ContentDigest(hashing: payload) == update.adapter.digest
            else { return nil }
            return (update, [UInt8](payload))
        }
    }
}
