import ArgumentParser
import FederatedLearning
import Foundation
import Simulation
import TestSupport
import Testing

@testable import FedSim

@Suite("Runs of a sweep")
struct RunCommandTests {
    private static let experiment = """
        name: sample
        model: minilm
        task: sequence-classification
        labels: [bad, good]
        adapter: {r: 8, lora_alpha: 16, target_modules: [query]}
        strategy: {name: flexlora}
        rounds: 1
        cohort: {size: 2}
        clients: 2
        data: {file: texts.jsonl}
        seeds: [1, 2]

        """

    /// Writes what a finished run leaves, but for its adapter and its report.
    private func write(_ run: ExperimentSweep.Run, to folder: URL) throws {
        let summary = """
            {"name": "sample", "task": "sequence-classification", "strategy": "flexlora", "clients": 2, "rounds": 1,
             "seed": \(run.experiment.job.seed), "final": {"round": 1, "accuracy": 0.5}, "simulated_seconds": 60,
             "seconds": 1.5, "steps": 2, "steps_per_second": 1.5, "peak_memory_bytes": 1, "bytes_up": 100,
             "bytes_down": 200, "adapter_sha256": "0", "version": "\(Software.version)"}
            """
        let rounds = """
            round,simulated_seconds,accuracy,loss,client_accuracy_min,client_accuracy_max,singular_values,rank,bytes_up,bytes_down
            0,0,0.25,,0.2,0.9,0.5 0.3 0.2,8,0,0
            1,60,0.5,,0.2,0.9,0.5 0.3 0.2,8,100,200

            """
        let files = [
            "experiment.yaml": run.text,
            "summary.json": summary,
            "rounds.csv": rounds,
            "clients.csv": "round,client,event,accuracy,reason\n1,a,trained,,\n1,b,trained,,\n",
            "partition.csv": "client,device,rank,training_examples,held_out_examples,bad,good\na,,8,5,1,4,1\n",
        ]
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for (name, text) in files { try Data(text.utf8).write(to: folder.appendingPathComponent(name)) }
    }

    @Test("that are finished get the report that they lack, and keep the one that they have")
    func reports() async throws {
        try await withTemporaryDirectory { folder in
            let file = folder.appendingPathComponent("experiment.yaml")
            try Data(Self.experiment.utf8).write(to: file)
            let results = folder.appendingPathComponent("results", isDirectory: true)
            for run in try ExperimentSweep(text: Self.experiment, overrides: [], folder: folder).runs {
                let name = try #require(run.name)
                try write(run, to: results.appendingPathComponent(name, isDirectory: true))
            }
            let kept = results.appendingPathComponent("seed=1/report.html")
            try Data("kept".utf8).write(to: kept)
            let command = try RunCommand.parse([file.path, "--out", results.path])
            try await command.run()
            #expect(try String(contentsOf: kept, encoding: .utf8) == "kept")
            let written = results.appendingPathComponent("seed=2/report.html")
            #expect(try String(contentsOf: written, encoding: .utf8).contains("seed 2"))
        }
    }
}
