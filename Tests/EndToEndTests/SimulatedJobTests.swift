import ClientDaemon
import Coordinator
import FederatedLearning
import FederationHarness
import Foundation
import Simulation
import TestSupport
import Testing
import Transport

@Suite("A simulation and the deployed programs", .timeLimit(.minutes(5)))
struct SimulatedJobTests {
    private static let silos = ["silo-0", "silo-1", "silo-2"]

    private static func job(_ strategy: String, training: String) -> String {
        """
        name: twice
        model: \(TinyModel.directory.path)
        task: sequence-classification
        labels: [bad, good]
        adapter: {r: 4, lora_alpha: 8, target_modules: [query, value, output.dense], lora_dropout: 0.1}
        strategy: \(strategy)
        rounds: 3
        cohort: {size: 2, minimum: 2, deadline: 1m}
        training: {epochs: 2, batch_size: 4, max_length: 16, learning_rate: 1.0e-2, \(training)}
        evaluation: {every: 2}
        seed: 11

        """
    }

    @Test(
        "the same job ends with the same bytes, simulated and over TLS",
        arguments: [
            ("{name: fedavg}", "lr_scheduler_type: cosine, warmup_ratio: 0.2, max_grad_norm: 0.5"),
            ("{name: flexlora, mode: delta}", "loraplus_lr_ratio: 4"),
            ("{name: fedex-lora}", "proximal_mu: 0.01"),
            ("{name: fedavg}", "optimizer: sgd, scaffold: true"),
        ]
    )
    func sameBytes(strategy: String, training: String) async throws {
        try await Federation.with { federation in
            try await federation.withServer { server in
                // Everybody has joined before the job: its cohorts are drawn from those who are there.
                let directories = try await joined(federation)
                let daemons = try directories.map { directory in
                    try Daemon(directory, rank: 4) { membership in
                        NativeTrainers(
                            library: ModelLibrary(directories: [TinyModel.directory]),
                            data: directory.url.appendingPathComponent("data.jsonl"),
                            client: membership.credentials.name,
                            threads: 1
                        )
                    }
                }
                for daemon in daemons {
                    _ = try await daemon.first { event in if case .welcomed = event { true } else { nil } }
                }
                let text = Self.job(strategy, training: training)
                let job = try await server.submit(
                    JobSubmission(
                        yaml: text,
                        modelPath: TinyModel.directory.path,
                        modelDigest: ModelDigest.of(directory: TinyModel.directory)
                    )
                )
                let report = try await server.outcome(of: job)
                #expect(report.summary.phase == .finished, "\(report.summary.reason ?? "")")
                let deployed = try await federation.export(job).tensors
                for threads in [1, 2] {
                    #expect(try await simulated(text, threads: threads) == deployed, "\(threads) threads")
                }
                for daemon in daemons { await daemon.kill() }
            }
        }
    }

    private func joined(_ federation: Federation) async throws -> [ClientDaemon.ClientDirectory] {
        var directories: [ClientDaemon.ClientDirectory] = []
        for (index, silo) in Self.silos.enumerated() {
            let directory = try await federation.join(silo)
            try writeData(of: index, to: directory.url.appendingPathComponent("data.jsonl"))
            directories.append(directory)
        }
        return directories
    }

    private func writeData(of silo: Int, to file: URL) throws {
        try TinyModel.writeData(count: 24 + 12 * silo, offset: silo, to: file)
    }

    /// Simulates the job with the same silos, and returns the bytes of its adapter.
    private func simulated(_ job: String, threads: Int) async throws -> Data {
        try await withTemporaryDirectory { folder in
            for (index, silo) in Self.silos.enumerated() {
                try writeData(of: index, to: folder.appendingPathComponent("\(silo).jsonl"))
            }
            let files = Self.silos.map { "\($0).jsonl" }.joined(separator: ", ")
            let sweep = try ExperimentSweep(
                text: job + "data: {files: [\(files)]}\npartition: {by: field, field: silo}\n",
                overrides: [],
                folder: folder
            )
            let run = try #require(sweep.runs.first)
            var bench = Workbench(folder: folder, environment: [:], threads: threads)
            let results = folder.appendingPathComponent("results", isDirectory: true)
            let world = try await bench.world(for: run.experiment)
            let simulation = SimulationRun(run.experiment, text: run.text, in: results, world: world)
            _ = try await simulation.run()
            return try Data(contentsOf: results.appendingPathComponent("adapter/adapter_model.safetensors"))
        }
    }
}
