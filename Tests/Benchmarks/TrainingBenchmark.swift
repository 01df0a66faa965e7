import Adapters
import FederatedLearning
import Foundation
import LinearAlgebra
import Training

/// How fast the native trainer fine-tunes and evaluates the demo's base model, beside the matrix products in it.
enum TrainingBenchmark: Benchmark {
    static let name = "training"

    private static let labels = ["very-negative", "negative", "neutral", "positive", "very-positive"]

    static func run() async throws -> [Row] {
        guard FileManager.default.fileExists(atPath: model.appendingPathComponent("model.safetensors").path) else {
            return [Row("Training speed", figure: "no model in the cache", yardstick: "`make data` fetches it")]
        }
        let threads = min(Concurrency.processorCount, 8)
        let rate = Machine.singlePrecisionRate() * Double(threads)
        let adapter = LoRAAdapter.initial(
            for: try BaseModelDirectory(reading: model).layers(targetedBy: .names(["query", "value"])),
            rank: 8,
            alpha: 16,
            head: ClassificationHead(labelCount: labels.count, hiddenSize: 384),
            seed: 1
        )
        let padded = try await withFullTexts { file in
            try await step(adapter, data: file, length: 64, threads: threads)
        }
        let bound = products(tokens: 16 * 64, length: 64) / rate
        let natural = try await step(adapter, data: data, length: 64, threads: threads)
        let trainer = try NativeTrainer(model: model, data: data, client: "benchmark", threads: threads)
        let evaluation = try await Measurement.median(of: 3) {
            try await trainer.evaluate(adapter, task: task(length: 64))
        }
        return [
            Row(
                "LoRA step, r = 8 on query and value, 16 texts of 64 tokens, \(threads) threads",
                figure: padded.seconds.milliseconds,
                yardstick: "\(bound.milliseconds) for its large products alone",
                ratio: (padded.seconds / bound).times
            ),
            Row(
                "The same on 16 film reviews of \(Int(natural.tokens / 16)) tokens on average",
                figure: natural.seconds.milliseconds,
                yardstick: "\(padded.seconds.milliseconds) when padded to 64",
                ratio: (padded.seconds / natural.seconds).times
            ),
            Row(
                "Evaluating film reviews",
                figure: (Double(trainer.heldOutExampleCount) / evaluation).formatted(unit: "texts/s")
            ),
        ]
    }

    // MARK: - Work

    private static func task(length: Int, steps: Int = 1) -> TrainingTask {
        TrainingTask(
            labels: labels,
            settings: JobConfiguration.Training(maximumSteps: steps, batchSize: 16, maximumLength: length)
        )
    }

    /// Seconds and tokens of one step, the mean over twenty after five that do not count.
    private static func step(
        _ adapter: LoRAAdapter,
        data: URL,
        length: Int,
        threads: Int
    ) async throws -> (seconds: Double, tokens: Double) {
        let trainer = try NativeTrainer(model: model, data: data, client: "benchmark", threads: threads)
        _ = try await trainer.train(adapter, task: task(length: length, steps: 5))
        let metrics = try await trainer.train(adapter, task: task(length: length, steps: 20)).metrics
        return (metrics["seconds", default: 0] / 20, metrics["tokens", default: 0] / 20)
    }

    /// Lends a file of texts that are longer than 64 tokens.
    private static func withFullTexts<Result>(_ body: (URL) async throws -> Result) async throws -> Result {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("tributary-\(UUID().uuidString).csv")
        defer { try? FileManager.default.removeItem(at: file) }
        let words = ["good", "film", "the", "bad", "a", "story", "of", "life"]
        let rows = (0..<400).map { row in
            (0..<70).map { words[(row * 7 + $0 * 3 + row * $0) % words.count] }.joined(separator: " ")
                + ",\(labels[row % labels.count])"
        }
        try Data((["text,label"] + rows).joined(separator: "\n").utf8).write(to: file)
        return try await body(file)
    }

    /// Multiplications and additions in the large products of a step of MiniLM, adapted at query and value.
    ///
    /// - Parameters:
    ///   - tokens: How many tokens the batch has.
    ///   - length: How many of them a text has.
    /// - Returns: Operations, one for each multiplication and one for each addition.
    private static func products(tokens: Double, length: Double) -> Double {
        let (layers, hidden, intermediate) = (6.0, 384.0, 1536.0)
        let square = 2 * tokens * hidden * hidden
        let linear = 4 * square + 4 * tokens * hidden * intermediate
        let attention = 4 * tokens * length * hidden
        // In the last layer K and V alone; below the first layer's query and value nothing on the way back.
        let forward = (layers - 1) * (linear + attention) + 2 * square
        let back = (layers - 1) * (linear + 2 * attention) + 2 * square - 3 * square - attention / 2
        return forward + back
    }

    // MARK: - Files

    private static let cache: URL = {
        let environment = ProcessInfo.processInfo.environment
        if let folder = environment["TRIBUTARY_CACHE"], !folder.isEmpty { return URL(fileURLWithPath: folder) }
        let caches = environment["XDG_CACHE_HOME"].flatMap { $0.isEmpty ? nil : URL(fileURLWithPath: $0) }
        return (caches ?? FileManager.default.homeDirectoryForCurrentUser.appendingPathComponent(".cache"))
            .appendingPathComponent("tributary")
    }()

    private static var model: URL { cache.appendingPathComponent("models/minilm") }
    private static var data: URL { cache.appendingPathComponent("data/vader/movies.jsonl") }
}
