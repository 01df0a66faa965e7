import Adapters
import Aggregation
import FederatedLearning
import Foundation
import TestSupport
import Testing

@testable import Simulation

@Suite("Simulated clients")
struct SimulatedCohortTests {
    private func run(_ simulation: TestSimulation) async throws -> (output: RunOutput, summary: RunSummary) {
        try await withTemporaryDirectory { folder in
            let summary = try await simulation.run(in: folder)
            return (try RunOutput(folder), summary)
        }
    }

    @Test("train, are counted by their rows, and take no time without devices")
    func immediate() async throws {
        let found = try await run(TestSimulation())
        let all = ["client-0", "client-1", "client-2", "client-3"]
        for round in 1...2 { #expect(found.output.clients(.trained, round: round) == all) }
        #expect(found.output.numbers("examples", of: .trained) == [1, 2, 3, 4, 1, 2, 3, 4])
        #expect(found.output.rounds.numbers("clients") == [0, 4, 4])
        #expect(found.output.rounds.numbers("simulated_seconds") == [0, 0, 0])
        #expect(found.output.rounds.numbers("training_loss").dropFirst() == [0.5, 0.5])
        #expect(found.summary.rounds == 2 && found.summary.steps == 8 && found.summary.clients == 4)
        #expect(found.output.rounds.numbers("bytes_up").reduce(0, +) == Double(found.summary.bytesUp))
    }

    @Test("take tokens by speed, bytes by bandwidth and twice the latency")
    func simulatedSeconds() async throws {
        var simulation = TestSimulation()
        simulation.job.rounds = 1
        simulation.devices = [
            DeviceClass(name: "phone", tokensPerSecond: 8, uploadMegabits: 0.01, downloadMegabits: 0.04, latency: 0.25)
        ]
        let found = try await run(simulation)
        let up = found.output.numbers("bytes_up", of: .trained)
        let down = found.output.numbers("bytes_down", of: .trained)
        // Client i has i + 1 rows of ten tokens.
        let expected = (0..<4).map { client in
            let training = Double(client + 1) * 10 / 8
            return 0.25 + down[client] * 8 / 40_000 + training + 0.25 + up[client] * 8 / 10_000
        }
        #expect(up.allSatisfy { $0 > 500 })
        for (found, expected) in zip(found.output.numbers("simulated_end", of: .trained), expected) {
            #expect(abs(found - expected) < 1e-4)
        }
        #expect(abs((found.output.rounds.numbers("simulated_seconds").last ?? 0) - expected[3]) < 1e-4)
    }

    /// Two fast and two slow classes of devices, one client each.
    private var uneven: TestSimulation {
        var simulation = TestSimulation()
        simulation.job.rounds = 1
        simulation.devices = [1000, 100, 0.1, 0.01].enumerated().map { index, speed in
            DeviceClass(name: "device \(index)", tokensPerSecond: speed)
        }
        return simulation
    }

    /// The clients of `simulation` in the order of their devices.
    private func byDevice(_ simulation: TestSimulation) -> [String] {
        let population = simulation.population
        return (0..<4).sorted { population.device(of: $0).name < population.device(of: $1).name }
            .map { population.names[$0].rawValue }
    }

    @Test("that are slow miss the deadline, are recorded as late and are never computed")
    func deadline() async throws {
        var simulation = uneven
        simulation.job.cohort = .init(size: 4, minimum: 2, deadline: .seconds(60))
        let trainer = TestTrainer()
        simulation.trainer = trainer
        let clients = byDevice(simulation)
        let found = try await run(simulation)
        #expect(found.output.clients(.trained, round: 1) == Array(clients.prefix(2)))
        #expect(Set(found.output.clients(.late, round: 1)) == Set(clients.suffix(2)))
        #expect(found.output.rounds.numbers("simulated_seconds") == [0, 60])
        #expect(found.output.rounds.numbers("failed") == [0, 2])
        #expect(trainer.trained == Array(clients.prefix(2)))
    }

    @Test("beyond those that are wanted are asked, and the fastest are counted")
    func overselection() async throws {
        var simulation = uneven
        simulation.job.cohort = .init(size: 2, minimum: 2, deadline: .seconds(100_000), overselect: 2)
        let trainer = TestTrainer()
        simulation.trainer = trainer
        let clients = byDevice(simulation)
        let found = try await run(simulation)
        #expect(found.output.clients(.trained, round: 1) == Array(clients.prefix(2)))
        #expect(Set(found.output.clients(.late, round: 1)) == Set(clients.suffix(2)))
        #expect(trainer.trained == Array(clients.prefix(2)))
        #expect((found.output.rounds.numbers("simulated_seconds").last ?? 0) < 1)
    }

    /// Rounds of two of six clients with control variates, the third of which stops the run.
    ///
    /// Four train in each, and all have ended before the first update is there.
    private static func corrected() -> TestSimulation {
        var simulation = TestSimulation()
        simulation.clients = 6
        simulation.job.rounds = 4
        simulation.job.training = .init(optimizer: .sgd, usesControlVariates: true)
        simulation.job.cohort = .init(size: 2, minimum: 2, deadline: .seconds(100), overselect: 2)
        simulation.job.cohort.population = 6
        simulation.devices = [DeviceClass(name: "phone", tokensPerSecond: 1000, latency: 10)]
        simulation.trainer = TestTrainer(stopsInRound: 3)
        return simulation
    }

    @Test("that come too late take their control variates back: the server's stays the mean of theirs")
    func controlVariates() async throws {
        try await withTemporaryDirectory { folder in
            await #expect(throws: (any Error).self) {
                try await Task { try await Self.corrected().run(in: folder) }.value
            }
            let saved = try #require(try Checkpoint.read(in: folder))
            let global = try #require(saved.run.state.global.flatMap { saved.run.adapters[$0.digest] })
            let notes = saved.notes.values.compactMap(\.last)
            let bias = try #require(global.controls["classifier.bias"]).elements[0]
            let sum = notes.reduce(Float(0)) { $0 + ($1.adapter.controls["classifier.bias"]?.elements[0] ?? 0) }
            #expect(bias != 0 && abs(bias - sum / 6) < 1e-4 * abs(bias))
        }
    }

    @Test("that fail are a recorded event, and the run goes on without them")
    func failure() async throws {
        var simulation = TestSimulation()
        simulation.trainer = TestTrainer(failing: ["client-1", "client-3"])
        let found = try await run(simulation)
        for round in 1...2 {
            #expect(found.output.clients(.failed, round: round) == ["client-1", "client-3"])
            #expect(found.output.clients(.trained, round: round) == ["client-0", "client-2"])
        }
        #expect(found.output.clients.texts("reason").contains("Its data are damaged."))
        #expect(found.summary.rounds == 2)
    }

    @Test("that all fail end the run with a sentence that says so")
    func allFail() async throws {
        var simulation = TestSimulation()
        simulation.trainer = TestTrainer(failing: ["client-0", "client-1", "client-2", "client-3"])
        let error = await #expect(throws: SimulationError.self) { try await run(simulation) }
        #expect(error?.description.contains("Its data are damaged.") == true)
    }

    @Test("drop out in the middle of their work as often as availability says")
    func dropout() async throws {
        var simulation = TestSimulation()
        simulation.clients = 20
        simulation.job.rounds = 20
        simulation.job.cohort = .init(size: 20, minimum: 1, deadline: .seconds(60))
        simulation.devices = [DeviceClass(name: "phone", tokensPerSecond: 100)]
        simulation.availability = Availability(dropout: 0.25)
        let found = try await run(simulation)
        let failed = found.output.clients.texts("event").count { $0 == "failed" }
        let trained = found.output.clients.texts("event").count { $0 == "trained" }
        #expect(failed + trained == 400)
        // A quarter, with a standard deviation of 8.7.
        #expect(abs(failed - 100) < 35)
        #expect(found.output.clients.texts("reason").contains("The client dropped out."))
    }

    @Test("are chosen among those who are there, and their leaving is recorded")
    func availability() async throws {
        var simulation = TestSimulation()
        simulation.clients = 30
        simulation.job.rounds = 10
        simulation.job.cohort = .init(size: 8, minimum: 1, deadline: .seconds(2000))
        simulation.devices = [DeviceClass(name: "phone", tokensPerSecond: 1)]
        simulation.availability = Availability(kind: .random, period: .seconds(400), share: 0.5)
        let population = simulation.population
        let found = try await run(simulation)
        let table = found.output.clients
        for (place, event) in table.texts("event").enumerated() where event != "evaluated" {
            let index = try #require(population.names.index(of: .init(table.texts("client")[place])))
            let start = Duration.seconds(table.numbers("simulated_start")[place])
            #expect(population.isPresent(index, at: start))
        }
        #expect(table.texts("event").contains("unavailable"))
        #expect(found.summary.rounds == 10 && found.summary.simulatedSeconds > 1000)
    }

    @Test("train at the rank of their distribution, capped by their device")
    func ranks() async throws {
        var simulation = TestSimulation()
        simulation.job.strategy = .init(name: "flexlora")
        simulation.job.adapter.rank = 4
        simulation.ranks = RankSettings(distribution: .uniform, ranks: [2, 4], shares: [0.5, 0.5])
        simulation.devices = [DeviceClass(name: "small", maximumRank: 3), DeviceClass(name: "large")]
        let population = simulation.population
        let found = try await run(simulation)
        let expected = (0..<4).map { Double(population.maximumRank(of: $0)) }
        #expect(expected.allSatisfy { $0 <= 4 } && expected.contains(2))
        #expect(found.output.numbers("rank", of: .trained) == expected + expected)
    }

    @Test("of asynchronous rounds deliver when they are done, the fast ones more often")
    func asynchronous() async throws {
        var simulation = uneven
        simulation.devices = [100, 50, 20, 10].enumerated().map { index, speed in
            DeviceClass(name: "device \(index)", tokensPerSecond: speed)
        }
        simulation.job.rounds = 12
        simulation.job.cohort = .init(size: 4, minimum: 1, deadline: .seconds(600))
        simulation.job.asynchronous = .init(buffer: 2)
        let found = try await run(simulation)
        #expect(found.summary.rounds == 12)
        let clients = zip(found.output.clients.texts("event"), found.output.clients.texts("client"))
            .filter { $0.0 == "trained" }.map(\.1)
        #expect(clients.count == 24)
        let counts = Dictionary(clients.map { ($0, 1) }, uniquingKeysWith: +)
        #expect(Set(counts.values).count > 1)
        let times = found.output.rounds.numbers("simulated_seconds")
        #expect(times == times.sorted() && (times.last ?? 0) > 0)
    }

    @Test("write the same tables for any group size, but for the real seconds")
    func groups() async throws {
        func tables(groupSize: Int) async throws -> ([[String]], [[String]], String) {
            var simulation = uneven
            simulation.job.rounds = 3
            simulation.job.cohort = .init(size: 3, minimum: 2, deadline: .seconds(60), overselect: 1.3)
            simulation.trainer = TestTrainer(groupSize: groupSize)
            let found = try await run(simulation)
            return (found.output.roundsWithoutSeconds, found.output.clients.rows, found.summary.adapterSHA256)
        }
        let expected = try await tables(groupSize: 1)
        for size in [2, 3, 16] { #expect(try await tables(groupSize: size) == expected) }
    }
}
