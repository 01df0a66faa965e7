import Adapters
import FederatedLearning
import Foundation
import LinearAlgebra
import Synchronization
import Training

/// How fast a decoder of the Llama family is fine-tuned, beside PyTorch with PEFT.
enum DecoderBenchmark: Benchmark {
    static let name = "decoder"
    static let isLong = true

    static func run() async throws -> [Row] {
        let folder = BenchmarkCache.folder.appendingPathComponent("models/smollm2")
        let pages = BenchmarkCache.folder.appendingPathComponent("data/man/de.jsonl")
        guard FileManager.default.fileExists(atPath: folder.appendingPathComponent("model.safetensors").path),
            FileManager.default.fileExists(atPath: pages.path)
        else {
            return [
                Row(
                    "SmolLM2",
                    figure: "no model in the cache",
                    yardstick: "`simulations/fetch.py man smollm2` fetches it"
                )
            ]
        }
        let directory = try BaseModelDirectory(reading: folder)
        let model = try BaseModel(directory)
        let corpus = try model.corpus(of: try await longPassages(of: DataFile(contentsOf: pages)))
        let engine = TrainingEngine(model: model, corpus: corpus, threads: min(Concurrency.processorCount, 8))
        let adapter = LoRAAdapter.initial(
            for: try directory.layers(targetedBy: .names(["q_proj", "v_proj"])),
            rank: 8,
            alpha: 16,
            seed: 1
        )
        let task = TrainingTask(
            labels: [],
            settings: JobConfiguration.Training(
                epochs: 10,
                maximumSteps: 20,
                batchSize: 4,
                maximumLength: 128,
                learningRate: 1e-3
            )
        )
        let held = Array(corpus.heldOutRows.prefix(24))
        func perplexity(_ adapter: LoRAAdapter) async throws -> Double {
            let outputs = try await engine.outputs(of: held, adapter: adapter, task: task)
            return try await engine.report(on: outputs, of: held, task: task).metrics["perplexity"] ?? .nan
        }
        let before = try await perplexity(adapter)
        let ends = Mutex<[ContinuousClock.Instant]>([])
        let training = LocalTraining(client: "pages", adapter: adapter, task: task, rows: corpus.trainingRows)
        let results = await engine.train([training]) { _, _ in ends.withLock { $0.append(.now) } }
        let trained = try results[0].get().adapter
        let times = ends.withLock { ends in zip(ends.dropFirst(), ends).map { ($0 - $1) / .seconds(1) } }
        let own = times.dropFirst(2).sorted()[(times.count - 2) / 2]
        let rival = try await rival(corpus, model: folder)
        return [
            Row(
                "SmolLM2-135M, LoRA step, r = 8 on q_proj and v_proj, 4 texts of 128 tokens",
                figure: own.milliseconds,
                yardstick: "\(rival.map { "\($0.milliseconds) PyTorch and PEFT" } ?? Rival.missing); bar 2000 ms",
                ratio: "\(((rival ?? 2) / own).times) as fast"
            ),
            Row(
                "Perplexity on held-out German manual pages after 20 such steps",
                figure: String(format: "%.1f", try await perplexity(trained)),
                yardstick: String(format: "%.1f before", before)
            ),
        ]
    }

    /// Passages that fill 128 tokens: three neighbours together.
    private static func longPassages(of file: DataFile) async throws -> DataFile {
        struct Line: Encodable {
            let text: String
            let split: String
        }
        let lines = [DataFile.Split.train, .test].flatMap { split in
            let texts = file.rows.filter { $0.split == split }.map(\.text)
            return stride(from: 0, to: texts.count - 2, by: 3).map { first in
                Line(text: texts[first..<first + 3].joined(separator: " "), split: split.rawValue)
            }
        }
        return try await withScratchFolder { folder in
            let target = folder.appendingPathComponent("passages.jsonl")
            let encoder = JSONEncoder()
            try Data(lines.map { try encoder.encode($0) }.joined(separator: [UInt8(ascii: "\n")])).write(to: target)
            return try DataFile(contentsOf: target)
        }
    }

    private static func rival(_ corpus: TextCorpus, model: URL) async throws -> Double? {
        try await withScratchFolder { folder in
            let file = folder.appendingPathComponent("pages.jsonl")
            let lines = corpus.trainingRows.prefix(40).map { row in
                let ids = corpus.text(row, maximumLength: 128).map(String.init).joined(separator: ",")
                return "{\"ids\": [\(ids)], \"label\": 0}"
            }
            try Data(lines.joined(separator: "\n").utf8).write(to: file)
            return Rival.trainingStep(model: model, data: file, labels: 0, size: 4, length: 128, steps: 8, .padded)
        }
    }
}
