import ArgumentParser
import DeterministicSimulation
import Foundation

/// Plays one seed again and shows what happened.
struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Play one seed again, and print its faults, its latest events and what was violated."
    )

    @Argument(help: "The seed.")
    var seed: UInt64

    @Option(help: "How many of the latest events to print.")
    var events = 60

    @Option(help: "How many rounds the job has.")
    var rounds = 10

    @Option(help: "A bug to plant: one of those that `fed-dst bugs --list` names.")
    var bug: String?

    @Flag(help: "Leave out all faults.")
    var calm = false

    func run() throws {
        // Sets and dictionaries have to keep the order that they had.
        guard ProcessInfo.processInfo.environment["SWIFT_DETERMINISTIC_HASHING"] != nil else { return try again() }
        let planted = try bug.map { try PlantedBug.named($0) }
        let scenario = calm ? Scenario.calm(seed: seed, rounds: rounds) : Scenario(seed: seed, rounds: rounds)
        print("rounds \(scenario.rounds), minimum \(scenario.minimum), privacy \(scenario.privacy)")
        for fault in scenario.faults {
            let time = String(format: "%.3f", Double(fault.time) / 1e9)
            print("fault  \(time) s  \(fault.kind.rawValue)  client \(fault.client), amount \(fault.amount)")
        }
        let begun = Processor.time
        let outcome = try Stage.with { try $0.play(scenario, bug: planted, eventCount: events) }
        for event in outcome.events { print(event) }
        for violation in outcome.violations { print("VIOLATION  \(violation)") }
        let spent = String(format: "%.0f", Double(Processor.time - begun) / 1e6)
        print(
            "\(outcome.eventCount) events, digest \(String(outcome.digest, radix: 16)), \(outcome.ending), \(spent) ms"
        )
        if !outcome.violations.isEmpty { throw ExitCode.failure }
    }

    private func again() throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = Array(CommandLine.arguments.dropFirst())
        process.environment = ProcessInfo.processInfo.environment.merging(["SWIFT_DETERMINISTIC_HASHING": "1"]) { $1 }
        try process.run()
        process.waitUntilExit()
        throw ExitCode(process.terminationStatus)
    }
}
