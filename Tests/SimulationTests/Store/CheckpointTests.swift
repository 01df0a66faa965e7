import Aggregation
import FederatedLearning
import Foundation
import TestSupport
import Testing

@testable import Simulation

@Suite("Checkpoints")
struct CheckpointTests {
    /// A run of six rounds, with everything that a state can hold.
    private static func simulation(_ kind: String, stopsInRound: Int? = nil) -> TestSimulation {
        var simulation = TestSimulation()
        simulation.clients = 12
        simulation.job.rounds = 6
        simulation.job.cohort = .init(size: 4, minimum: 2, deadline: .seconds(100), overselect: 1.5)
        simulation.devices = [
            DeviceClass(name: "fast", tokensPerSecond: 20, latency: 0.1), DeviceClass(name: "slow", tokensPerSecond: 2),
        ]
        simulation.availability = Availability(kind: .random, period: .seconds(30), share: 0.8, dropout: 0.1)
        simulation.trainer = TestTrainer(stopsInRound: stopsInRound)
        switch kind {
        case "optimizer": simulation.job.serverOptimizer = .init(name: "fedadam")
        case "scaffold":
            simulation.job.training = .init(optimizer: .sgd, usesControlVariates: true)
            simulation.job.cohort.population = 12
        case "rarely evaluated": simulation.job.evaluation = .init(every: 3)
        default: break
        }
        return simulation
    }

    private func tables(in folder: URL) throws -> [[String]] {
        let output = try RunOutput(folder)
        return output.roundsWithoutSeconds + output.clients.rows
    }

    private func adapter(in folder: URL) throws -> Data {
        try Data(contentsOf: folder.appendingPathComponent("adapter/adapter_model.safetensors"))
    }

    @Test(
        "let an interrupted run go on to the same bytes and tables",
        arguments: ["plain", "optimizer", "scaffold", "rarely evaluated"]
    )
    func resumption(kind: String) async throws {
        try await withTemporaryDirectory { folder in
            let whole = folder.appendingPathComponent("whole")
            let parts = folder.appendingPathComponent("parts")
            let expected = try await Self.simulation(kind).run(in: whole)
            for round in [3, 5] {
                await #expect(throws: (any Error).self) {
                    try await Task { try await Self.simulation(kind, stopsInRound: round).run(in: parts) }.value
                }
                let saved = try #require(try Checkpoint.read(in: parts))
                #expect(saved.run.state.committedRounds == round - 1)
            }
            let found = try await Self.simulation(kind).run(in: parts)
            #expect(found.adapterSHA256 == expected.adapterSHA256)
            #expect(found.simulatedSeconds == expected.simulatedSeconds)
            #expect(try adapter(in: parts) == adapter(in: whole))
            #expect(try tables(in: parts) == tables(in: whole))
            #expect(try Checkpoint.read(in: parts) == nil)
        }
    }

    /// A run of asynchronous rounds in which nobody fails or is late.
    private static func asynchronousSimulation(
        evaluatingEvery every: Int,
        uploadMegabits: Double?,
        stopsInRound: Int? = nil
    ) -> TestSimulation {
        var simulation = Self.simulation("plain", stopsInRound: stopsInRound)
        for index in simulation.devices.indices { simulation.devices[index].uploadMegabits = uploadMegabits }
        simulation.availability = Availability()
        simulation.job.cohort = .init(size: 4, minimum: 1, deadline: .seconds(1000))
        simulation.job.asynchronous = .init(buffer: 2)
        simulation.job.evaluation = .init(every: every)
        return simulation
    }

    @Test("keep what works on, or is on its way, in asynchronous rounds", arguments: [1, 3], [Double?.none, 0.001])
    func asynchronous(every: Int, uploadMegabits: Double?) async throws {
        func simulation(stopsInRound: Int? = nil) -> TestSimulation {
            Self.asynchronousSimulation(
                evaluatingEvery: every,
                uploadMegabits: uploadMegabits,
                stopsInRound: stopsInRound
            )
        }
        let (uninterrupted, interrupted) = (simulation(), simulation(stopsInRound: 8))
        try await withTemporaryDirectory { folder in
            let whole = folder.appendingPathComponent("whole")
            let parts = folder.appendingPathComponent("parts")
            let expected = try await uninterrupted.run(in: whole)
            await #expect(throws: (any Error).self) {
                try await Task { try await interrupted.run(in: parts) }.value
            }
            let saved = try #require(try Checkpoint.read(in: parts))
            #expect(!saved.outstanding.isEmpty)
            let found = try await uninterrupted.run(in: parts)
            #expect(found.adapterSHA256 == expected.adapterSHA256)
            #expect(try tables(in: parts) == tables(in: whole))
        }
    }

    @Test("that are cut off or changed are refused by their name")
    func damage() async throws {
        try await withTemporaryDirectory { folder in
            await #expect(throws: (any Error).self) {
                try await Task { try await Self.simulation("plain", stopsInRound: 3).run(in: folder) }.value
            }
            let file = folder.appendingPathComponent(Checkpoint.fileName)
            let bytes = try Data(contentsOf: file)
            var changed = bytes
            changed[bytes.count / 2] ^= 1
            for damaged in [
                bytes.prefix(10), bytes.prefix(30), bytes.dropLast(1), bytes.prefix(bytes.count / 2), changed,
            ] {
                try Data(damaged).write(to: file)
                let error = await #expect(throws: SimulationError.self) {
                    try await Self.simulation("plain").run(in: folder)
                }
                #expect(error?.description.hasPrefix("'\(file.path)' cannot be gone on from") == true)
            }
            try (Data("tributary-sim/1\n".utf8) + bytes.dropFirst(16)).write(to: file)
            let earlier = await #expect(throws: SimulationError.self) {
                try await Self.simulation("plain").run(in: folder)
            }
            #expect(earlier?.description.contains("it is no checkpoint of this version") == true)
            try bytes.write(to: file)
            let table = folder.appendingPathComponent("clients.csv")
            try Data(try Data(contentsOf: table).prefix(20)).write(to: table)
            let error = await #expect(throws: SimulationError.self) {
                try await Self.simulation("plain").run(in: folder)
            }
            #expect(error?.description.contains("clients.csv' cannot be gone on from: it has 20 bytes") == true)
        }
    }

    @Test("of another experiment are refused, and so is a folder with foreign files")
    func foreign() async throws {
        try await withTemporaryDirectory { folder in
            await #expect(throws: (any Error).self) {
                try await Task { try await Self.simulation("plain", stopsInRound: 3).run(in: folder) }.value
            }
            let other = await #expect(throws: SimulationError.self) {
                try await Self.simulation("plain").run(in: folder, text: "another experiment")
            }
            #expect(other?.description.contains("an interrupted run of another experiment") == true)
        }
        try await withTemporaryDirectory { folder in
            try Data("mine".utf8).write(to: folder.appendingPathComponent("thesis.tex"))
            let foreign = await #expect(throws: SimulationError.self) { try await TestSimulation().run(in: folder) }
            #expect(foreign?.description.contains("holds 'thesis.tex', which no run has written") == true)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["thesis.tex"])
        }
    }

    @Test("are written after every so many rounds")
    func frequency() async throws {
        try await withTemporaryDirectory { folder in
            await #expect(throws: (any Error).self) {
                try await Task {
                    var simulation = Self.simulation("plain", stopsInRound: 6)
                    simulation.checkpointEvery = 2
                    return try await simulation.run(in: folder)
                }.value
            }
            let saved = try Checkpoint.read(in: folder)
            #expect(saved?.run.state.committedRounds == 4)
        }
    }
}
