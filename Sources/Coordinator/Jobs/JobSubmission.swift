package import FederatedLearning
package import Foundation

/// A job as it is handed to the server.
package struct JobSubmission: Hashable, Sendable, Codable {
    /// The job file's text, kept as its author wrote it.
    package let yaml: String
    /// The folder that the server found the base model in.
    package let modelPath: String
    /// The SHA-256 of the base model's weights.
    package let modelDigest: ContentDigest
    /// The adapter of another kind than LoRA that the job starts from; `nil` for none.
    package var start: AdapterStart?
    /// Names this attempt: the same token again returns the job that the first attempt made.
    package let token: String?

    package init(
        yaml: String,
        modelPath: String,
        modelDigest: ContentDigest,
        start: AdapterStart? = nil,
        token: String? = nil
    ) {
        self.start = start
        self.yaml = yaml
        self.modelPath = modelPath
        self.modelDigest = modelDigest
        self.token = token
    }
}

/// A job as the database keeps it.
package struct JobRecord: Sendable {
    package let id: JobID
    package let submission: JobSubmission
    package let configuration: JobConfiguration
}

/// One line of a job listing.
package struct JobSummary: Hashable, Sendable, Codable {
    package enum Phase: String, Hashable, Sendable, Codable, CaseIterable {
        case pending, running, finished, failed, cancelled
        /// The privacy budget does not cover the next round.
        case budgetExhausted = "budget exhausted"

        /// Whether nothing can follow.
        package var isFinal: Bool { self != .pending && self != .running }
    }

    package let id: JobID
    package let name: String
    package let phase: Phase
    /// Why the job failed, or what its latest round was given up for.
    package let reason: String?
    package let rounds: Int
    package let committedRounds: Int
    /// Whether rounds cost privacy that is counted.
    package let isCharged: Bool
    package let submittedAt: Date
    package let startedAt: Date?
    package let endedAt: Date?
}
