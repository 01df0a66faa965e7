import Coordinator
import FederatedLearning
import Foundation

/// What was killed, and what became of the work.
struct Tally {
    var clientKills = 0
    /// How long each killed server took until it served again.
    var recoveries: [Duration] = []
    /// Processes that were gone before they were killed.
    var unexpectedEnds = 0
    private(set) var jobs = 0
    private(set) var acknowledged = 0
    /// Updates that a client was told were accepted and that are not part of their round.
    private(set) var lost = 0
    /// Rounds that do not have exactly one update of each client.
    private(set) var wrongRounds = 0
    /// Jobs that did not finish, or whose adapter is another one than the undisturbed job's.
    private(set) var wrongJobs = 0

    var kills: Int { clientKills + recoveries.count }
    var slowest: Duration { recoveries.max() ?? .zero }
    var isClean: Bool { lost == 0 && wrongRounds == 0 && wrongJobs == 0 && unexpectedEnds == 0 }

    /// Compares a job that is over with what its clients were told, and with the undisturbed one.
    mutating func check(_ job: JobID, on stage: Stage, expecting tensors: Data, in folder: URL) async throws {
        jobs += 1
        let report = try await stage.report(of: job)
        let names = stage.clients.map(\.name).sorted()
        let rounds = report.rounds.filter { $0.number > 0 }
        wrongRounds += rounds.count { $0.clients.sorted() != names } + abs(5 - rounds.count)
        for client in stage.clients {
            for round in Self.acknowledgedRounds(of: job, in: client.program.lines) {
                acknowledged += 1
                let counted = rounds.first { $0.number == round }?.clients ?? []
                if !counted.contains(client.name) { lost += 1 }
            }
        }
        // Every update adds to an element of its own: equal bytes mean that each was counted once.
        let isEqual = try await stage.tensors(of: job, in: folder) == tensors
        if report.summary.phase != .finished || !isEqual { wrongJobs += 1 }
    }

    /// The rounds in which a client was told that its update was accepted.
    private static func acknowledgedRounds(of job: JobID, in lines: [String]) -> Set<Int> {
        var rounds: Set<Int> = []
        for line in lines {
            let words = line.split(separator: " ")
            guard words.count == 2, words[0] == job.rawValue, let round = Int(words[1]) else { continue }
            rounds.insert(round)
        }
        return rounds
    }

    var summary: String {
        let sorted = recoveries.sorted()
        let median = sorted.isEmpty ? Duration.zero : sorted[sorted.count / 2]
        func text(_ duration: Duration) -> String { String(format: "%.3f s", duration / .seconds(1)) }
        return """
            kills                       \(kills) (server \(recoveries.count), clients \(clientKills))
            jobs of 5 rounds            \(jobs)
            updates acknowledged        \(acknowledged)
            acknowledged and lost       \(lost)
            rounds lost or doubled      \(wrongRounds)
            adapters that differ        \(wrongJobs)
            ended by themselves         \(unexpectedEnds)
            server serves again after   \(text(median)) median, \(text(slowest)) at most
            """
    }
}
