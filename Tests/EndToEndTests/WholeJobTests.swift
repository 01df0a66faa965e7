import Adapters
import ClientDaemon
import Coordinator
import FederatedLearning
import FederationHarness
import Foundation
import TestSupport
import Testing
import Transport
import WireProtocol

@Suite("A whole job", .timeLimit(.minutes(5)))
struct WholeJobTests {
    @Test("four silos of ranks 4, 8, 8 and 16 train a real model over TLS, and leave an adapter that PEFT reads")
    func fourSilos() async throws {
        try await Federation.with { federation in
            try await federation.withServer { server in
                var daemons: [Daemon] = []
                var directories: [ClientDaemon.ClientDirectory] = []
                for (index, rank) in [4, 8, 8, 16].enumerated() {
                    let directory = try await federation.join("silo-\(index)")
                    let data = directory.url.appendingPathComponent("data.jsonl")
                    try TinyModel.writeData(count: 32 + 8 * index, offset: index, to: data)
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
                let job = try await server.submit(rounds: 3, clients: 4, minimum: 4, rank: 16)
                let report = try await server.outcome(of: job)
                #expect(report.summary.phase == .finished, "\(report.summary.reason ?? "")")
                #expect(report.summary.committedRounds == 3)
                for round in report.rounds.dropFirst() {
                    #expect(round.clients == ["silo-0", "silo-1", "silo-2", "silo-3"])
                    #expect(round.silos.count == 4)
                    #expect(round.trainingLoss?.isFinite == true)
                }
                let evaluations = try #require(report.evaluations)
                let before = try #require(evaluations.before.overall.loss)
                let after = try #require(evaluations.after.overall.loss)
                #expect(after < before, "training on separable texts lowers the held-out loss")

                let exported = try await federation.export(job)
                let adapter = try PEFTDirectory(reading: exported.directory)
                #expect(adapter.configuration.rank == 16)
                #expect(adapter.adapter.maximumRank == 16)
                #expect(adapter.adapter.modules.count == 4)
                #expect(adapter.adapter.savedTensors.keys.sorted() == ["classifier.bias", "classifier.weight"])

                for daemon in daemons { await daemon.kill() }
                for directory in directories {
                    #expect(try await Outbox(directory: directory.outbox).load().isEmpty)
                    let status = try #require(try ClientStatus.read(from: directory))
                    #expect(status.acceptedUpdates == 3)
                }
            }
        }
    }

    @Test("a client that sends NaN is told why, and the round goes on without it")
    func rejectsNaN() async throws {
        try await Federation.with { federation in
            try await federation.withServer { server in
                let honest = try await [federation.join("honest-a"), federation.join("honest-b")]
                let hostile = try HostileClient(directory: try await federation.join("hostile"))
                let offering = Offering(corrupting: { adapter in
                    var adapter = adapter
                    adapter.savedTensors["classifier.bias"]?.elements[0] = .nan
                    return adapter
                })
                let daemons = try honest.enumerated().map { index, directory in
                    try Daemon(directory, trainer: ConstantTrainer(element: index))
                }
                async let answer = hostile.offerOnce(offering)
                // The hostile client leaves after its verdict; the last evaluation waits so long for its return.
                let job = try await server.submit(rounds: 1, clients: 3, minimum: 2, deadline: "10s")
                guard case .verdict(let verdict) = try await answer else {
                    Issue.record("a verdict was due")
                    return
                }
                #expect(!verdict.accepted)
                #expect(verdict.reason.contains("classifier.bias"))
                #expect(verdict.reason.contains("NaN"))

                let report = try await server.outcome(of: job)
                #expect(report.summary.phase == .finished, "\(report.summary.reason ?? "")")
                #expect(report.rounds.last?.clients == ["honest-a", "honest-b"])
                let (directory, _) = try await federation.export(job)
                let adapter = try PEFTDirectory(reading: directory).adapter
                let bias = try #require(adapter.savedTensors["classifier.bias"])
                #expect(bias.elements == [0.5, 0.5], "each honest client is counted once, and nobody else")
                for daemon in daemons { await daemon.kill() }
            }
        }
    }
}
