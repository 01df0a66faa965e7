import FederatedLearning
import Foundation
import TestSupport
import Testing

@testable import Simulation

@Suite("The folder of a run")
struct RunFolderTests {
    @Test("tells a finished run of the same experiment from all else")
    func finished() async throws {
        try await withTemporaryDirectory { folder in
            let target = folder.appendingPathComponent("run")
            #expect(SimulationRun.summary(ofFinished: "an experiment", in: target) == nil)
            let summary = try await TestSimulation().run(in: target)
            #expect(
                SimulationRun.summary(ofFinished: "an experiment", in: target)?.adapterSHA256 == summary.adapterSHA256
            )
            #expect(SimulationRun.summary(ofFinished: "another one", in: target) == nil)
            #expect(SimulationRun.savedRound(in: target) == nil)
            var earlier = summary
            earlier.version = "0.0.1"
            try RunFolder(target).write(earlier)
            #expect(SimulationRun.summary(ofFinished: "an experiment", in: target) == nil)
        }
    }

    @Test("loses the report of an earlier run when another one begins")
    func earlierReport() async throws {
        try await withTemporaryDirectory { folder in
            try await TestSimulation().run(in: folder)
            try Data("an earlier report".utf8).write(to: folder.appendingPathComponent("report.html"))
            #expect(RunReport.isWritten(in: folder))
            try await TestSimulation().run(in: folder, text: "another experiment")
            #expect(!RunReport.isWritten(in: folder))
        }
    }

    @Test("tells after which round an interrupted run goes on")
    func interrupted() async throws {
        try await withTemporaryDirectory { folder in
            var simulation = TestSimulation()
            simulation.job.rounds = 5
            simulation.trainer = TestTrainer(stopsInRound: 4)
            let interrupted = simulation
            await #expect(throws: (any Error).self) {
                try await Task { try await interrupted.run(in: folder) }.value
            }
            #expect(SimulationRun.savedRound(in: folder) == 3)
            #expect(SimulationRun.summary(ofFinished: "an experiment", in: folder) == nil)
            let error = SimulationError.interrupted(path: folder.path, round: 3)
            #expect(error.description.contains("its state after round 3 is saved. Give the same command again"))
        }
    }

    @Test("holds a table of who has what, also where texts have no labels")
    func partition() async throws {
        try await withTemporaryDirectory { folder in
            let rows = Array(0..<40)
            let input = PartitionInput(
                labels: rows.map { _ in 0 },
                labelNames: [],
                trainingRows: Array(rows.prefix(30)),
                heldOutRows: Array(rows.suffix(10))
            )
            let partition = try Partitioner.partition(input, by: PartitionSettings(), clients: 4, seed: 1)
            let simulation = TestSimulation()
            try PartitionTable(Population(partition: partition, experiment: simulation.experiment, seed: 1))
                .write(to: folder)
            let table = try RunTable(path: folder.appendingPathComponent("partition.csv").path)
            #expect(table.columns == ["client", "device", "rank", "training_examples", "held_out_examples"])
            #expect(table.numbers("training_examples") == [8, 8, 7, 7])
        }
    }
}
