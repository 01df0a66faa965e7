import FederatedLearning
private import Foundation

/// What `summary.json` says of a run.
package struct RunSummary: Sendable, Hashable, Codable {
    package struct Figures: Sendable, Hashable, Codable {
        package var round: Int
        package var loss: Double?
        package var accuracy: Double?
        package var macroF1: Double?
        package var perplexity: Double?
        package var epsilon: Double?

        private enum CodingKeys: String, CodingKey {
            case round, loss, accuracy, perplexity, epsilon
            case macroF1 = "macro_f1"
        }
    }

    package var name: String
    package var task: String
    package var strategy: String
    package var mode: String?
    package var seed: UInt64
    package var clients: Int
    package var rounds: Int
    package var final: Figures?
    package var best: Figures?
    package var simulatedSeconds: Double
    package var seconds: Double
    package var steps: Int
    package var stepsPerSecond: Double
    package var peakMemoryBytes: Int
    package var bytesUp: Int
    package var bytesDown: Int
    /// The SHA-256 of the final adapter's payload.
    package var adapterSHA256: String
    package var version: String

    private enum CodingKeys: String, CodingKey {
        case name, task, strategy, mode, seed, clients, rounds, final, best, seconds, steps, version
        case simulatedSeconds = "simulated_seconds"
        case stepsPerSecond = "steps_per_second"
        case peakMemoryBytes = "peak_memory_bytes"
        case bytesUp = "bytes_up"
        case bytesDown = "bytes_down"
        case adapterSHA256 = "adapter_sha256"
    }
}

extension RunSummary.Figures {
    init(_ record: RoundRecord) {
        self.init(
            round: record.round,
            loss: record.loss,
            accuracy: record.accuracy,
            macroF1: record.macroF1,
            perplexity: record.perplexity,
            epsilon: record.epsilon
        )
    }
}
