import ArgumentParser
import Coordinator
import FederatedLearning
import Foundation
import LinearAlgebra

/// Kills as often as asked, job after job, and checks each.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run jobs of five rounds over TLS while their server and clients are killed."
    )

    @Option(help: "How many processes to kill.")
    var kills = 20

    @Option(help: "The base model of the jobs; nothing is computed with it.", completion: .directory)
    var model = "Tests/TrainingTests/Fixtures/tiny-bert"

    @Option(help: "How long a restarted server may take until it serves, in seconds.")
    var recovery = 2.0

    func run() async throws {
        BLASThreads.useCallingThreadOnly()
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("tributary-kill-\(UUID().uuidString)", isDirectory: true)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let stage = try await Stage.set(in: folder, model: URL(fileURLWithPath: model, isDirectory: true))
        defer { stage.tearDown() }

        var tally = Tally()
        let undisturbed = try await stage.submit()
        try await finish(undisturbed, on: stage)
        let expected = try await stage.tensors(of: undisturbed, in: folder)
        while tally.kills < kills {
            let job = try await stage.submit()
            try await perform(job, on: stage, &tally)
            try await tally.check(job, on: stage, expecting: expected, in: folder)
            FileHandle.standardError.write(Data("\(tally.kills) kills, \(tally.jobs) jobs\n".utf8))
        }
        print(tally.summary)
        guard tally.isClean, tally.slowest <= .seconds(recovery) else { throw ExitCode.failure }
    }

    /// Kills at random moments until the job is over or enough were killed.
    private func perform(_ job: JobID, on stage: Stage, _ tally: inout Tally) async throws {
        while try await !stage.report(of: job).summary.phase.isFinal, tally.kills < kills {
            try await Task.sleep(for: .milliseconds(Int.random(in: 1...250)))
            let victim = Int.random(in: 0..<stage.clients.count + 2)
            if victim < stage.clients.count {
                let program = stage.clients[victim].program
                tally.unexpectedEnds += program.hasEnded ? 1 : 0
                program.kill()
                try program.start()
                tally.clientKills += 1
            } else {
                tally.unexpectedEnds += stage.server.hasEnded ? 1 : 0
                tally.recoveries.append(try await stage.restartServer())
            }
        }
        try await finish(job, on: stage)
    }

    private func finish(_ job: JobID, on stage: Stage) async throws {
        let limit = ContinuousClock.now + .seconds(180)
        while try await !stage.report(of: job).summary.phase.isFinal {
            guard ContinuousClock.now < limit else { throw Stage.Failure(description: "Job \(job) does not end.") }
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}
