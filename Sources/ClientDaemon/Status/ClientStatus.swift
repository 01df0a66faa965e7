package import Foundation

/// What a daemon is doing, as it last wrote it to `status.json`.
package struct ClientStatus: Hashable, Sendable, Codable {
    package enum Connection: String, Sendable, Codable {
        case connecting
        case connected
        /// Waiting before the next attempt.
        case waiting
        case stopped
    }

    package struct Work: Hashable, Sendable, Codable {
        package var job: String
        package var jobName: String
        package var round: Int
        package var kind: String
        package var step: Int?
        package var stepCount: Int?
        package var loss: Double?
    }

    package struct Verdict: Hashable, Sendable, Codable {
        package var job: String
        package var round: Int
        package var accepted: Bool
        package var reason: String?
        package var time: Date
    }

    package var processIdentifier: Int32
    package var startedAt: Date
    package var updatedAt: Date
    package var server: String
    package var connection: Connection
    /// The name by which the server greeted this client.
    package var name: String?
    /// Why the latest attempt to connect failed; `nil` once connected.
    package var problem: String?
    package var currentOrder: Work?
    package var waitingOrders: Int
    package var unjudgedUpdates: Int
    package var acceptedUpdates: Int
    package var rejectedUpdates: Int
    package var lastVerdict: Verdict?
    /// What was released of the silo's data so far, by the daemon's ledger; `nil` when nothing was noised.
    package var privacyCost: PrivacyCost?

    package struct PrivacyCost: Hashable, Sendable, Codable {
        /// ε over all jobs.
        package var epsilon: Double
        package var delta: Double
        /// The steward's limit; `nil` without one.
        package var limit: Double?
    }

    /// Creates the status of a daemon that starts at `now`.
    package init(processIdentifier: Int32, server: String, now: Date) {
        self.processIdentifier = processIdentifier
        self.startedAt = now
        self.updatedAt = now
        self.server = server
        self.connection = .connecting
        self.waitingOrders = 0
        self.unjudgedUpdates = 0
        self.acceptedUpdates = 0
        self.rejectedUpdates = 0
    }
}

// MARK: - As a file

extension ClientStatus {
    /// The JSON that `status.json` holds and `fed-client status --json` prints.
    package func encoded() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.dateEncodingStrategy = .iso8601
        return try encoder.encode(self)
    }

    /// Reads the status that the latest daemon of `directory` left, or `nil` when none ever ran.
    package static func read(from directory: ClientDirectory) throws -> ClientStatus? {
        guard FileManager.default.fileExists(atPath: directory.statusFile.path) else { return nil }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        decoder.dateDecodingStrategy = .iso8601
        do {
            return try decoder.decode(ClientStatus.self, from: Data(contentsOf: directory.statusFile))
        } catch {
            throw ClientError.cannotRead(path: directory.statusFile.path, reason: "it is no status of a daemon")
        }
    }
}
