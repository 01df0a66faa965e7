import Adapters
import Aggregation
import FederatedLearning
import Foundation
import LinearAlgebra
import Simulation

/// What the simulator costs beside the training: time a visit, and memory for many clients.
enum SimulationBenchmark: Benchmark {
    static let name = "simulation"
    private static let rounds = 10

    static func run() async throws -> [Row] {
        try await withScratchFolder { folder in
            var seconds: [Double] = []
            for index in 0..<3 {
                let target = folder.appendingPathComponent("visits-\(index)")
                seconds.append(try await run(clients: 10_000, cohort: 1000, rounds: rounds, in: target))
            }
            let visit = seconds.sorted()[1] / Double(rounds * 1000)
            PeakMemory.reset()
            let million = try await run(
                clients: 1_000_000,
                cohort: 100,
                rounds: 3,
                in: folder.appendingPathComponent("million")
            )
            let peak = PeakMemory.bytes
            return [
                Row(
                    "A visit of one of 10,000 clients, cohorts of 1,000, null training, adapters of 2 kB",
                    figure: (visit * 1e6).formatted(unit: "µs"),
                    yardstick: "50 µs",
                    ratio: (visit / 50e-6).times
                ),
                Row(
                    "Peak memory of 1,000,000 clients, 3 cohorts of 100, in \(million.formatted(unit: "s"))",
                    figure: (Double(peak) / 1_048_576).formatted(unit: "MiB"),
                    yardstick: "2048 MiB",
                    ratio: (Double(peak) / 2_147_483_648).times
                ),
            ]
        }
    }

    /// Runs an experiment from its partition to its files, and returns how long that took.
    private static func run(clients: Int, cohort: Int, rounds: Int, in folder: URL) async throws -> Double {
        let settings = PartitionSettings(method: .draw, examples: 20, heldOut: 5)
        let job = JobConfiguration(
            name: "overhead",
            model: "none",
            task: .sequenceClassification,
            labels: ["a", "b"],
            adapter: .init(rank: 4, alpha: 8, targetModules: ["query", "value"]),
            strategy: StrategySettings(name: "fedavg"),
            rounds: rounds,
            cohort: .init(size: cohort, minimum: cohort, deadline: .seconds(3600)),
            evaluation: .init(every: rounds, clients: 1)
        )
        let start = ContinuousClock.now
        let partition = try Partitioner.partition(rows, by: settings, clients: clients, seed: job.seed)
        let run = SimulationRun(
            Experiment(
                job: job,
                clients: clients,
                data: DataSettings(files: []),
                partition: settings,
                checkpointEvery: rounds
            ),
            text: "overhead of \(clients) clients",
            in: folder,
            world: SimulationRun.World(
                partition: partition,
                trainer: NullTrainer(),
                modelDigest: ContentDigest(hashing: Array("none".utf8)),
                initialAdapter: { adapter }
            )
        )
        _ = try await run.run()
        return (ContinuousClock.now - start) / .seconds(1)
    }

    /// A thousand rows of two labels, of which every fifth is held out.
    private static let rows = PartitionInput(
        labels: (0..<1000).map { Int32($0 % 2) },
        labelNames: ["a", "b"],
        trainingRows: (0..<1000).filter { $0 % 5 != 0 },
        heldOutRows: (0..<1000).filter { $0 % 5 == 0 }
    )

    private static let adapter: LoRAAdapter = {
        var generator = CounterGenerator(seed: 1)
        let modules = ["query", "value"].map { name in
            let a = Matrix(rows: 4, columns: 32, elements: (0..<128).map { _ in Float(generator.gaussian()) })
            let b = Matrix(rows: 32, columns: 4, elements: [Float](repeating: 0, count: 128))
            return (name, LoRAModule(a: a, b: b, alpha: 8))
        }
        return LoRAAdapter(modules: Dictionary(uniqueKeysWithValues: modules))
    }()
}
