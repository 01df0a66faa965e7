import ArgumentParser
import DeterministicSimulation
import Foundation
import Glibc

/// One of the processes among which ``RunCommand`` and ``BugsCommand`` share out their seeds.
struct WorkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "work",
        abstract: "Play seeds and print one line of JSON for each.",
        shouldDisplay: false
    )

    @Option var from: UInt64
    @Option var count: UInt64
    /// Every how many seeds one is played: the others are other processes'.
    @Option var stride: UInt64 = 1
    @Option var rounds = 10
    @Option var bug: String?
    /// Whether to stop at the first violation.
    @Flag var untilViolation = false

    /// Seconds that one seed may take, on a machine that is busy with other things.
    private static let patience: UInt32 = 600

    func run() throws {
        let bug = try bug.map { try PlantedBug.named($0) }
        try Stage.with { simulation in
            for seed in Swift.stride(from: from, to: from + count, by: Int(stride)) {
                // Whatever blocks for ever ends the process, and shows as a seed that was not played to its end.
                alarm(Self.patience)
                let outcome = try simulation.play(Scenario(seed: seed, rounds: rounds), bug: bug)
                try Line(outcome).write()
                if untilViolation, !outcome.violations.isEmpty { return }
                guard Self.isWanted else { return }
            }
        }
    }

    /// Whether whoever reads this process's lines wants more: the end of its input says no.
    private static var isWanted: Bool {
        var input = pollfd(fd: STDIN_FILENO, events: 0, revents: 0)
        return poll(&input, 1, 0) == 0 || Int32(input.revents) & POLLHUP == 0
    }
}

extension PlantedBug {
    static func named(_ name: String) throws -> PlantedBug {
        guard let bug = allCases.first(where: { "\($0)" == name }) else {
            throw ValidationError("No planted bug is called '\(name)'. `fed-dst bugs --list` names them.")
        }
        return bug
    }
}
