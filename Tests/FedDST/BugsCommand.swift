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
            let evidence = try evidence(of: bug)
            found += evidence == nil ? 0 : 1
            let result = evidence == nil ? "MISSED" : "found "
            report("\(result)  \(bug): \(bug.rawValue)\n          \(evidence ?? "in \(seeds) seeds")")
        }
        report("\(found) of \(bugs.count) planted bugs found")
        if bugs.count - found > missed { throw ExitCode.failure }
    }

    /// Plays seeds with a bug until something is violated that is not without it.
    ///
    /// - Returns: What is violated, and in which seed; `nil` when nothing is.
    private func evidence(of bug: PlantedBug) throws -> String? {
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
        guard let first else { return deaths.first }
        var isClean = false
        _ = try Workers.run(from: first.seed, count: 1, jobs: 1) { line in
            isClean = line.violations.isEmpty
            return true
        }
        return isClean ? "seed \(first.seed): \(first.violations[0])" : nil
    }

    private func report(_ text: String) { FileHandle.standardOutput.write(Data((text + "\n").utf8)) }
}
