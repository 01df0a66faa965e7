private import FederatedLearning
package import Foundation
private import Synchronization
package import Transport
private import WireProtocol

/// The finished updates that nobody has judged yet, on disk.
///
/// ```
/// outbox/blobs/     HEX          an update's payload
/// outbox/records/   HEX.json     what it answers, and what was measured
/// ```
///
/// The payload is forced to disk before the record that names it, and the record before the update is offered: after a
/// crash at any instant an update is either whole here, or its order is worked again.
package final class Outbox: Sendable {
    private struct State: Sendable {
        var updates: [WorkOrder.ID: UnjudgedUpdate] = [:]
        /// How many updates need a payload, those being inserted included.
        var holders: [ContentDigest: Int] = [:]
    }

    /// The payloads, for sending them.
    package let payloads: PayloadStore
    private let records: String
    private let state = Mutex(State())

    /// Opens the outbox in `directory`, making its folders if they are not there.
    package init(directory: URL) throws {
        self.payloads = try PayloadStore(directory: directory)
        self.records = "\(directory.path)/records"
        try FileManager.default.createDirectory(atPath: records, withIntermediateDirectories: true)
    }

    /// Reads what an earlier process left, and removes what it left unfinished.
    ///
    /// - Returns: The whole updates in order of their rounds. One whose payload is missing or damaged is dropped: its
    ///   order is worked again.
    package func load() async throws -> [UnjudgedUpdate] {
        try payloads.removeLeftovers()
        var whole: [UnjudgedUpdate] = []
        for name in try FileManager.default.contentsOfDirectory(atPath: records) {
            let file = "\(records)/\(name)"
            if let update = Self.record(at: file), self.name(of: update.order.id) == name, try await isIntact(update) {
                whole.append(update)
            } else {
                try FileManager.default.removeItem(atPath: file)
            }
        }
        whole.sort { ($0.order.id.job.rawValue, $0.order.id.round) < ($1.order.id.job.rawValue, $1.order.id.round) }
        let needed = Set(whole.map(\.adapter.digest))
        for digest in try payloads.digests() where !needed.contains(ContentDigest(digest)) {
            try payloads.remove(digest)
        }
        state.withLock { state in
            for update in whole {
                state.updates[update.order.id] = update
                state.holders[update.adapter.digest, default: 0] += 1
            }
        }
        return whole
    }

    /// Makes an update durable.
    ///
    /// - Parameters:
    ///   - update: What was trained.
    ///   - payload: The safetensors file that `update.adapter` names.
    /// - Throws: Why the disk refused; nothing of the update is left then.
    package func insert(_ update: UnjudgedUpdate, payload: Data) async throws {
        let digest = update.adapter.digest
        state.withLock { $0.holders[digest, default: 0] += 1 }
        do {
            let stored = try await payloads.insert(payload)
            precondition(ContentDigest(stored) == digest, "an update is named \(digest) but hashes to \(stored)")
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            let file = record(of: update.order.id)
            try DurableFile.replace(file, with: encoder.encode(update), permissions: 0o600)
        } catch {
            try? release(digest)
            throw error
        }
        let replaced = state.withLock { $0.updates.updateValue(update, forKey: update.order.id) }
        if let replaced { try release(replaced.adapter.digest) }
    }

    /// Forgets an update whose journey is over; nothing happens when it is not here.
    ///
    /// The removal need not survive a loss of power: an update that comes back is offered again, and the server answers
    /// as it did before.
    package func remove(_ update: UnjudgedUpdate) throws {
        let isHere = state.withLock { state in
            guard state.updates[update.order.id] == update else { return false }
            state.updates[update.order.id] = nil
            return true
        }
        guard isHere else { return }
        try FileManager.default.removeItem(atPath: record(of: update.order.id))
        try release(update.adapter.digest)
    }

    /// Removes a payload when its last holder is gone.
    private func release(_ digest: ContentDigest) throws {
        try state.withLock { state in
            let remaining = state.holders[digest, default: 1] - 1
            state.holders[digest] = remaining > 0 ? remaining : nil
            if remaining <= 0 { try payloads.remove(PayloadDigest(digest)) }
        }
    }

    // MARK: - Files

    /// A job's name comes from the server, so a record is named by the order's hash.
    private func name(of id: WorkOrder.ID) -> String {
        "\(ContentDigest(hashing: "\(id.job)/\(id.round)/\(id.kind)".utf8)).json"
    }

    private func record(of id: WorkOrder.ID) -> String { "\(records)/\(name(of: id))" }

    private static func record(at file: String) -> UnjudgedUpdate? {
        guard let bytes = try? Data(contentsOf: URL(fileURLWithPath: file, isDirectory: false)) else { return nil }
        return try? JSONDecoder().decode(UnjudgedUpdate.self, from: bytes)
    }

    private func isIntact(_ update: UnjudgedUpdate) async throws -> Bool {
        let digest = PayloadDigest(update.adapter.digest)
        guard payloads.contains(digest), try payloads.byteCount(of: digest) == update.adapter.byteCount else {
            return false
        }
        return try await payloads.isIntact(digest)
    }
}
