import ArgumentParser
import DeterministicSimulation
import Foundation

/// Tests the tester: plants one bug after the other, and plays seeds until something is violated.
struct BugsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bugs",
        abstract: "Plant bugs one at a time, and see whether they are found."
    )

    @Option(help: "How many seeds a bug may hide from.")
    var seeds: UInt64 = 200

    @Option(help: "How many processes to use.")
    var jobs = 2

    @Option(help: "How many bugs may be missed.")
    var missed = 1

    @Option(help: "Only these bugs.")
    var only: [String] = []

    @Flag(help: "Name the bugs and do nothing.")
    var list = false

    func run() throws {
        let bugs = only.isEmpty ? PlantedBug.allCases : try only.map { try PlantedBug.named($0) }
        if list {
            for bug in bugs { print("\(bug): \(bug.rawValue)") }
            return
        }
        var found = 0
        for bug in bugs {
            var first: Line?
            let deaths = try Workers.run(
                from: 1,
                count: seeds,
                jobs: jobs,
                arguments: ["--bug", "\(bug)", "--until-violation"]
            ) { line in
                if !line.violations.isEmpty, line.seed < first?.seed ?? .max { first = line }
                return first == nil
            }
            let isFound = first != nil || !deaths.isEmpty
            found += isFound ? 1 : 0
            let evidence = first.map { "seed \($0.seed): \($0.violations[0])" } ?? deaths.first ?? "in \(seeds) seeds"
            print("\(isFound ? "found " : "MISSED")  \(bug): \(bug.rawValue)\n          \(evidence)")
        }
        print("\(found) of \(bugs.count) planted bugs found")
        if bugs.count - found > missed { throw ExitCode.failure }
    }
}
