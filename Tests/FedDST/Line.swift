import DeterministicSimulation
import Foundation

/// What a worker prints of each seed.
struct Line: Codable, Sendable {
    let seed: UInt64
    let violations: [String]
    let digest: String
    let events: Int
    /// On the simulated clock.
    let seconds: Double
    let ending: String

    init(_ outcome: Simulation.Outcome) {
        self.seed = outcome.seed
        self.violations = outcome.violations
        self.digest = String(outcome.digest, radix: 16)
        self.events = outcome.eventCount
        self.seconds = Double(outcome.duration) / 1e9
        self.ending = outcome.ending
    }

    func write() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        FileHandle.standardOutput.write(try encoder.encode(self) + Data("\n".utf8))
    }
}
