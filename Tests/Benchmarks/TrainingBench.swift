import Adapters
import FederatedLearning
import Foundation
import LinearAlgebra
import Synchronization
import Training

/// What the training benchmarks share: the loaded model, texts, and how a step is timed.
struct TrainingBench {
    static let labels = ["very-negative", "negative", "neutral", "positive", "very-positive"]

    let threads = min(Concurrency.processorCount, 8)
    let model: BaseModel
    private let directory: BaseModelDirectory

    init() throws {
        directory = try BaseModelDirectory(reading: BenchmarkCache.model)
        model = try BaseModel(directory)
    }

    // MARK: - Parts

    func engine(_ corpus: TextCorpus, threads: Int? = nil) -> TrainingEngine {
        TrainingEngine(model: model, corpus: corpus, threads: threads ?? self.threads)
    }

    func adapter(rank: Int = 8, labels: Int = TrainingBench.labels.count, seed: UInt64 = 1) throws -> LoRAAdapter {
        LoRAAdapter.initial(
            for: try directory.layers(targetedBy: .names(["query", "value"])),
            rank: rank,
            alpha: 16,
            head: ClassificationHead(labelCount: labels, hiddenSize: 384),
            seed: seed
        )
    }

    func task(
        size: Int = 16,
        length: Int,
        steps: Int = 1,
        privacy: ExampleLevelPrivacy? = nil
    ) -> TrainingTask {
        TrainingTask(
            labels: Self.labels,
            settings: JobConfiguration.Training(
                epochs: steps,
                maximumSteps: steps,
                batchSize: size,
                maximumLength: length
            ),
            privacy: privacy
        )
    }

    func reviews() throws -> TextCorpus {
        try model.corpus(of: DataFile(contentsOf: BenchmarkCache.vader("movies")))
    }

    /// Texts of exactly `length` tokens.
    func fullTexts(length: Int, count: Int = 640) throws -> TextCorpus {
        let words = ["good", "film", "the", "bad", "a", "story", "of", "life"]
        let lines = (0..<count).map { row in
            (0..<length - 2).map { words[(row * 7 + $0 * 3 + row * $0) % words.count] }.joined(separator: " ")
                + ",\(Self.labels[row % Self.labels.count]),train"
        }
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("tributary-\(UUID().uuidString).csv")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data((["text,label,split"] + lines).joined(separator: "\n").utf8).write(to: file)
        return try model.corpus(of: DataFile(contentsOf: file))
    }

    // MARK: - Times

    /// The median seconds of a step, after three that do not count.
    func step(
        _ corpus: TextCorpus,
        size: Int,
        length: Int,
        steps: Int = 20,
        privacy: ExampleLevelPrivacy? = nil
    ) async throws -> Double {
        let engine = engine(corpus)
        let training = LocalTraining(
            client: "benchmark",
            adapter: try adapter(),
            task: task(size: size, length: length, steps: steps + 3, privacy: privacy),
            rows: corpus.trainingRows
        )
        let ends = Mutex<[ContinuousClock.Instant]>([])
        let results = await engine.train([training]) { _, _ in ends.withLock { $0.append(.now) } }
        _ = try results[0].get()
        let times = ends.withLock { ends in zip(ends.dropFirst(), ends).map { ($0 - $1) / .seconds(1) } }
        return times.dropFirst(2).sorted()[(times.count - 2) / 2]
    }

    /// The median seconds of a rival's step on the same texts; `nil` when there is no rival.
    func rival(
        _ corpus: TextCorpus,
        size: Int,
        length: Int,
        steps: Int = 20,
        _ options: Rival.TrainingOptions = []
    ) throws -> Double? {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("tributary-\(UUID().uuidString).jsonl")
        defer { try? FileManager.default.removeItem(at: file) }
        var generator = CounterGenerator(seed: 1)
        let labels = try corpus.labels(in: Self.labels)
        let rows = corpus.trainingRows.map { (key: generator.next(), row: $0) }.sorted { $0.key < $1.key }
        let lines = rows.map { _, row in
            let ids = corpus.text(row, maximumLength: length).map(String.init).joined(separator: ",")
            return "{\"ids\": [\(ids)], \"label\": \(labels[row])}"
        }
        try Data(lines.joined(separator: "\n").utf8).write(to: file)
        return Rival.trainingStep(
            model: BenchmarkCache.model,
            data: file,
            labels: Self.labels.count,
            size: size,
            length: length,
            steps: steps,
            options
        )
    }
}
