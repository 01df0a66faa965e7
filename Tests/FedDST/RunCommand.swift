import ArgumentParser
import DeterministicSimulation
import Foundation
import Glibc

/// Plays so many seeds, and fails at any violation.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Play seeds, each a job of ten rounds with twenty clients and faults of its own."
    )

    @Option(help: "How many seeds to play.")
    var seeds: UInt64 = 100

    @Option(help: "The first seed.")
    var from: UInt64 = 1

    @Option(help: "How many processes to use.")
    var jobs = 2

    @Option(help: "How many rounds the job of each seed has.")
    var rounds = 10

    @Flag(help: "Play each seed twice, and compare their logs of events.")
    var twice = false

    func run() throws {
        let begun = Date()
        var (endings, digests): ([String: Int], [UInt64: String]) = ([:], [:])
        var (events, seconds, failures) = (0, 0.0, 0)
        var played: UInt64 = 0
        func receive(_ line: Line) -> Bool {
            played += 1
            events += line.events
            seconds += line.seconds
            endings[String(line.ending.prefix { $0 != "(" }), default: 0] += 1
            for violation in line.violations {
                failures += 1
                report("seed \(line.seed): \(violation)\n  replay with: fed-dst replay \(line.seed)")
            }
            if let digest = digests[line.seed], digest != line.digest {
                failures += 1
                report("seed \(line.seed): two runs differ (events \(digest) and \(line.digest))")
            }
            if twice { digests[line.seed] = line.digest }
            if played.isMultiple(of: 500) { report("\(played) seeds, \(failures) violations") }
            return true
        }
        for _ in 0..<(twice ? 2 : 1) {
            for death in try Workers.run(
                from: from,
                count: seeds,
                jobs: jobs,
                arguments: ["--rounds", "\(rounds)"],
                receive
            ) {
                failures += 1
                report(death)
            }
        }
        let spent = Date().timeIntervalSince(begun)
        let endingsText = endings.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        print(
            """
            seeds                 \(played), from \(from) on
            jobs ended            \(endingsText)
            events                \(events)
            simulated time        \(Int(seconds / 3600)) h
            seeds per second      \(String(format: "%.1f", Double(played) / spent)) in \(jobs) processes
            processor time        \(String(format: "%.2f", Self.workersTime / Double(max(played, 1)))) s a seed
            violations            \(failures)
            """
        )
        if failures > 0 || played < seeds { throw ExitCode.failure }
    }

    /// How many seconds of processor time the workers have used that are over.
    private static var workersTime: Double {
        var used = tms()
        times(&used)
        return Double(used.tms_cutime + used.tms_cstime) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    private func report(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
}
