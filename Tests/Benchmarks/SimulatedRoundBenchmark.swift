import Aggregation
import FederatedLearning
import Foundation
import LinearAlgebra
import Simulation

/// A simulated round with real training beside the same round as one writes it by hand with PyTorch and PEFT.
///
/// VADER, 40 clients by a Dirichlet partition at 0.5, eight of them a round, one local epoch of at most ten steps of 16 texts
/// cut at 64 tokens, AdamW at 1e-3, r = 8. The same clients train in Flower's simulation, with the same script.
enum SimulatedRoundBenchmark: Benchmark {
    static let name = "simulated round"
    static let isLong = true
    private static let silos = ["amazon", "movies", "nytimes", "tweets"]

    static func run() async throws -> [Row] {
        guard BenchmarkCache.hasModel else {
            return [Row("A simulated round", figure: "no model in the cache", yardstick: "`make data` fetches it")]
        }
        return try await withScratchFolder { folder in
            let experiment = experiment
            var workbench = Workbench(folder: folder, environment: ProcessInfo.processInfo.environment, threads: nil)
            let world = try await workbench.world(for: experiment)
            PeakMemory.reset()
            let target = folder.appendingPathComponent("run")
            let summary = try await SimulationRun(experiment, text: "a round", in: target, world: world).run()
            let peak = Double(PeakMemory.bytes) / 1_048_576
            let (population, data) = try workbench.population(for: experiment)
            try PartitionData(population: population, data: data).write(to: folder)
            let clients = try clients(ofLatestRoundIn: target).map { folder.appendingPathComponent("data/\($0).jsonl") }
            let rival = Rival.simulatedRound(model: BenchmarkCache.model, clients: clients)
            let flower = Rival.flowerRound(model: BenchmarkCache.model, clients: clients)
            let own = Double(summary.steps) / summary.seconds
            return [
                Row(
                    "Steps a second of a simulated round of 8 clients, evaluation and files included",
                    figure: own.formatted(unit: "steps/s"),
                    yardstick:
                        "\(rival.map { $0.stepsPerSecond.formatted(unit: "PyTorch and PEFT by hand") } ?? Rival.missing); "
                        + "\(flower.map { $0.formatted(unit: "Flower's simulation") } ?? "no Flower"); bar 2.5×",
                    ratio: [rival?.stepsPerSecond, flower].compactMap { $0.map { (own / $0).times } }
                        .joined(separator: ", ")
                ),
                Row(
                    "Peak memory of it",
                    figure: peak.formatted(unit: "MiB"),
                    yardstick:
                        "\(rival.map { $0.mebibytes.formatted(unit: "MiB PyTorch and PEFT by hand") } ?? Rival.missing); bar 500 MiB",
                    ratio: (peak / 500).times
                ),
            ]
        }
    }

    private static var experiment: Experiment {
        Experiment(
            job: JobConfiguration(
                name: "round",
                model: "minilm",
                task: .sequenceClassification,
                labels: TrainingBench.labels,
                adapter: .init(
                    rank: 8,
                    alpha: 16,
                    targetModules: ["query", "value"],
                    modulesToSave: ["classifier"]
                ),
                strategy: StrategySettings(name: "fedavg"),
                rounds: 3,
                cohort: .init(size: 8, minimum: 8, deadline: .seconds(3600)),
                training: .init(maximumSteps: 10, batchSize: 16, maximumLength: 64, learningRate: 1e-3),
                evaluation: .init(every: 3, clients: 1)
            ),
            clients: 40,
            data: DataSettings(files: silos.map { "vader/\($0).jsonl" }),
            partition: PartitionSettings(method: .dirichlet, alpha: 0.5, minimum: 10)
        )
    }

    /// Who trained in the last round, for the rival to train the same.
    private static func clients(ofLatestRoundIn folder: URL) throws -> [String] {
        let lines = try String(contentsOf: folder.appendingPathComponent("clients.csv"), encoding: .utf8)
            .split(separator: "\n")
        let rows = lines.dropFirst().map { $0.split(separator: ",", omittingEmptySubsequences: false) }
        let latest = rows.filter { $0.count > 2 && $0[2] == "trained" }
        guard let round = latest.last?[0] else { return [] }
        return latest.filter { $0[0] == round }.map { String($0[1]) }
    }
}
