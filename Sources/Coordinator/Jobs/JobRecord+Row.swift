import Aggregation
import FederatedLearning
import Foundation
import GRDB

extension JobRecord {
    /// Reads a row of `job`.
    init(row: Row) throws {
        let id: String = row["id"]
        let configuration: String = row["configuration"]
        guard let digest = ContentDigest(hexadecimal: row["model_digest"]),
            let value = try? JSONDecoder().decode(JobConfiguration.self, from: Data(configuration.utf8))
        else { throw CoordinatorError.corruptRecord(table: "job", key: id) }
        self.init(
            id: JobID(rawValue: id),
            submission: JobSubmission(
                yaml: row["yaml"],
                modelPath: row["model_path"],
                modelDigest: digest,
                start: value.adapter.start,
                token: row["submit_token"]
            ),
            configuration: value
        )
    }
}

extension JobSummary {
    /// Reads a row of `job`, with the reason for which an attempt at the current round was abandoned.
    init(row: Row) throws {
        let record = try JobRecord(row: row)
        guard let stored = Phase(rawValue: row["phase"]) else {
            throw CoordinatorError.corruptRecord(table: "job", key: record.id.rawValue)
        }
        let phase: Phase = row["is_exhausted"] ? .budgetExhausted : stored
        func date(_ column: String) -> Date? {
            (row[column] as Double?).map(Date.init(timeIntervalSince1970:))
        }
        self.init(
            id: record.id,
            name: record.configuration.name,
            phase: phase,
            reason: row["failure"] ?? row["abandoned_for"],
            rounds: record.configuration.rounds,
            committedRounds: row["committed_rounds"],
            isCharged: record.configuration.isCharged,
            submittedAt: Date(timeIntervalSince1970: row["submitted_at"]),
            startedAt: date("started_at"),
            endedAt: date("ended_at")
        )
    }
}

extension Measurement {
    /// Reads a row of `measurement`.
    init(row: Row) throws {
        let client: String = row["client"]
        self.init(
            round: row["round"],
            client: client.isEmpty ? nil : ClientID(client),
            phase: row["phase"],
            name: row["name"],
            value: row["value"] ?? .nan
        )
    }
}
