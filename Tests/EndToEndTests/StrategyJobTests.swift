import Adapters
import ClientDaemon
import Coordinator
import FederatedLearning
import FederationHarness
import Foundation
import Testing
import Transport

/// Jobs whose strategies ask for more than averages of whole adapters, over TLS and with the native trainer.
@Suite("Jobs of every kind of strategy", .timeLimit(.minutes(5)))
struct StrategyJobTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let strategy: String
        var training = "learning_rate: 1.0e-2"
        var ranks = [8, 8]
        /// One more section of the job.
        var section = "evaluation: {every: 1}"
        /// The rank of the exported adapter; `nil` where it depends on the training.
        var exportedRank: Int? = 8
    }

    static let cases = [
        Case(testDescription: "ffa-lora: A is frozen", strategy: "{name: ffa-lora}"),
        Case(testDescription: "rolora: A and B take turns", strategy: "{name: rolora}"),
        Case(
            testDescription: "fedsa-lora: B and the head stay",
            strategy: "{name: fedsa-lora}"
        ),
        Case(testDescription: "fed-sb: cores alone", strategy: "{name: fed-sb}"),
        Case(testDescription: "fedsvd", strategy: "{name: fedsvd}"),
        Case(
            testDescription: "flora: stacks in the base model",
            strategy: "{name: flora}",
            ranks: [4, 8],
            exportedRank: nil
        ),
        Case(
            testDescription: "fedex-lora: residuals in the base model",
            strategy: "{name: fedex-lora}",
            exportedRank: nil
        ),
        Case(
            testDescription: "hetlora: ranks prune themselves",
            strategy: "{name: hetlora, gamma: 0.5, lambda: 1.0}",
            ranks: [4, 8]
        ),
        Case(
            testDescription: "scaffold: control variates",
            strategy: "{name: fedavg}",
            training: "learning_rate: 5.0e-2, optimizer: sgd, scaffold: true"
        ),
        Case(
            testDescription: "fedbuff: asynchronous rounds of products",
            strategy: "{name: flexlora}",
            ranks: [4, 8],
            section: "asynchronous: {buffer: 2, maximum_staleness: 5}"
        ),
    ]

    @Test("trains over TLS, and leaves an adapter that PEFT reads", arguments: cases)
    func job(_ test: Case) async throws {
        try await Federation.with { federation in
            try await federation.withServer { server in
                var daemons: [Daemon] = []
                var directories: [ClientDaemon.ClientDirectory] = []
                for (index, rank) in test.ranks.enumerated() {
                    let directory = try await federation.join("silo-\(index)")
                    let data = directory.url.appendingPathComponent("data.jsonl")
                    try TinyModel.writeData(count: 48, offset: index, to: data)
                    directories.append(directory)
                    daemons.append(
                        try Daemon(directory, rank: rank) { membership in
                            NativeTrainers(
                                library: ModelLibrary(directories: [TinyModel.directory]),
                                data: data,
                                client: membership.credentials.name,
                                threads: 1
                            )
                        }
                    )
                }
                let job = try await server.submit(
                    rounds: 3,
                    clients: 2,
                    minimum: 2,
                    strategy: test.strategy,
                    training: test.training,
                    section: test.section
                )
                let report = try await server.outcome(of: job)
                #expect(report.summary.phase == .finished, "\(report.summary.reason ?? "")")
                #expect(report.summary.committedRounds == 3)
                let evaluations = try #require(report.evaluations)
                let before = try #require(evaluations.before.overall.loss)
                let after = try #require(evaluations.after.overall.loss)
                #expect(after < before, "training on separable texts lowers the held-out loss")

                let exported = try await federation.export(job)
                let adapter = try PEFTDirectory(reading: exported.directory).adapter
                #expect(adapter.modules.count == 4)
                if let rank = test.exportedRank {
                    #expect(adapter.maximumRank == rank)
                } else {
                    #expect(adapter.maximumRank > 8)
                }
                for daemon in daemons { await daemon.kill() }
                for directory in directories {
                    #expect(try await Outbox(directory: directory.outbox).load().isEmpty)
                }
            }
        }
    }
}
