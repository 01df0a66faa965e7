import Aggregation
import FederatedLearning
import Foundation
import TestSupport
import Testing

@testable import Simulation

@Suite("Sweeps")
struct ExperimentSweepTests {
    private static let text = ExperimentFileTests.job + ExperimentFileTests.world

    private func sweep(_ overrides: [String], text: String = text, seed: UInt64? = nil) throws -> ExperimentSweep {
        try ExperimentSweep(
            text: text,
            overrides: overrides.map { try JobFileOverride(parsing: $0) },
            seed: seed,
            folder: URL(fileURLWithPath: "/nowhere", isDirectory: true)
        )
    }

    @Test("of one run have no name")
    func single() throws {
        let runs = try sweep(["rounds=5"]).runs
        #expect(runs.map(\.name) == [nil])
        #expect(runs[0].experiment.job.rounds == 5)
    }

    @Test("go through every combination of values and seeds, named by them")
    func combinations() throws {
        let runs = try sweep(
            ["strategy.name=[fedavg,flexlora]", "training.learning_rate=[1e-3,3e-4]", "rounds=2"],
            text: Self.text + "seeds: [7, 8]\n"
        ).runs
        #expect(runs.count == 8)
        #expect(runs.first?.name == "name=fedavg,learning_rate=1e-3,seed=7")
        #expect(runs.last?.name == "name=flexlora,learning_rate=3e-4,seed=8")
        #expect(Set(runs.compactMap(\.name)).count == 8)
        #expect(runs.map(\.experiment.job.seed) == [7, 8, 7, 8, 7, 8, 7, 8])
        #expect(runs[5].experiment.job.strategy.name == "flexlora")
        #expect(runs[5].experiment.job.training.learningRate == 1e-3)
        #expect(runs.allSatisfy { $0.experiment.job.rounds == 2 })
    }

    @Test("take one seed instead of the file's")
    func seed() throws {
        let runs = try sweep([], text: Self.text + "seeds: [7, 8]\n", seed: 3).runs
        #expect(runs.map(\.name) == [nil] && runs[0].experiment.job.seed == 3)
        #expect(try sweep(["seed=[4,5]"]).runs.map(\.experiment.job.seed) == [4, 5])
    }

    @Test("leave lists alone where a key takes a list, and go through lists of lists")
    func lists() throws {
        let one = try sweep(["adapter.target_modules=[query,key]"]).runs
        #expect(one.count == 1 && one[0].experiment.job.adapter.targetModules == ["query", "key"])
        let two = try sweep(["adapter.target_modules=[[query],[query,value]]"]).runs
        #expect(two.map(\.name) == ["target_modules=query", "target_modules=query+value"])
    }

    @Test("describe each run by a text that reads as the same experiment")
    func texts() throws {
        let runs = try sweep(
            ["partition={by: dirichlet, alpha: 0.5}", "strategy=[{name: flexlora},{name: fedavg}]"],
            text: Self.text + "seeds: [7, 8]\noutput: elsewhere\ndevices: [{name: phone, latency: 0.5}]\n"
        ).runs
        #expect(runs.count == 4)
        for run in runs {
            var expected = run.experiment
            (expected.seeds, expected.output) = ([], nil)
            #expect(try ExperimentFile.parse(run.text).experiment == expected)
        }
        #expect(Set(runs.map(\.text)).count == 4)
    }

    @Test("make paths absolute that are found beside the experiment, and leave names of the cache")
    func paths() async throws {
        try await withTemporaryDirectory { folder in
            let file = folder.appendingPathComponent("texts.jsonl")
            try Data("{}".utf8).write(to: file)
            let run = try #require(
                try ExperimentSweep(text: Self.text, overrides: [], folder: folder).runs.first
            )
            #expect(run.experiment.data.files == [file.standardizedFileURL.path])
            #expect(run.experiment.job.model == "tiny-bert")
        }
    }

    @Test("of too many runs, or with a broken combination, are refused before anything runs")
    func refusals() throws {
        let values = (1...40).map(String.init).joined(separator: ",")
        let many = #expect(throws: JobFileError.self) {
            try sweep(["rounds=[\(values)]", "seed=[\(values)]"])
        }
        #expect(many?.description.contains("1600 runs") == true)
        let broken = #expect(throws: JobFileError.self) { try sweep(["strategy.name=[fedavg,fedavgg]"]) }
        #expect(broken?.description.contains("'fedavgg'") == true)
    }
}
