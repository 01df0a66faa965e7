import Adapters
import FederatedLearning
import Foundation
import LinearAlgebra
import Training

/// Whether what is trained here is as good as what PyTorch and PEFT train: 200 steps on all texts at once.
enum ParityBenchmark: Benchmark {
    static let name = "parity"
    static let isLong = true

    static func run() async throws -> [Row] {
        guard BenchmarkCache.hasModel else {
            return [Row("Accuracy", figure: "no model in the cache", yardstick: "`make data` fetches it")]
        }
        let bench = try TrainingBench()
        let silos = try ["amazon", "movies", "nytimes", "tweets"].map {
            try DataFile(contentsOf: BenchmarkCache.vader($0))
        }
        var rows = [
            try await row(
                "VADER, 16 texts of at most 48 tokens, learning rate 1e-3",
                DataFile(path: "VADER", rows: silos.flatMap(\.rows)),
                JobConfiguration.Training(batchSize: 16, maximumLength: 48, learningRate: 1e-3),
                reference: 49.8,
                bench
            )
        ]
        if FileManager.default.fileExists(atPath: BenchmarkCache.icd.path) {
            rows.append(
                try await row(
                    "ICD phrases, 32 texts of at most 24 tokens, learning rate 3e-3",
                    DataFile(contentsOf: BenchmarkCache.icd),
                    JobConfiguration.Training(batchSize: 32, maximumLength: 24, learningRate: 3e-3),
                    reference: 71.7,
                    bench
                )
            )
        }
        return rows
    }

    private static func row(
        _ name: String,
        _ file: DataFile,
        _ settings: JobConfiguration.Training,
        reference: Double,
        _ bench: TrainingBench
    ) async throws -> Row {
        let corpus = try bench.model.corpus(of: file)
        let engine = bench.engine(corpus)
        var task = TrainingTask(labels: file.labelNames, settings: settings)
        (task.settings.epochs, task.settings.maximumSteps) = (1000, 200)
        var accuracies: [Double] = []
        for seed in 1...3 as ClosedRange<UInt64> {
            task.seed = seed
            let results = await engine.train([
                LocalTraining(
                    client: "all",
                    adapter: try bench.adapter(labels: task.labels.count, seed: seed),
                    task: task,
                    rows: corpus.trainingRows
                )
            ])
            let outputs = try await engine.outputs(
                of: corpus.heldOutRows,
                adapter: try results[0].get().adapter,
                task: task
            )
            let report = try await engine.report(on: outputs, of: corpus.heldOutRows, task: task)
            accuracies.append(100 * report.metrics["accuracy", default: .nan])
        }
        let mean = accuracies.reduce(0, +) / 3
        return Row(
            "200 steps on \(name): accuracy on \(corpus.heldOutRows.count) held-out texts, three seeds",
            figure: "\(percent(mean)), \(accuracies.map(percent).joined(separator: ", "))",
            yardstick: "\(percent(reference)) PyTorch and PEFT, one seed",
            ratio: String(format: "%+.1f points", mean - reference)
        )
    }

    private static func percent(_ value: Double) -> String { String(format: "%.1f %%", value) }
}
