import Adapters
import FederatedLearning
import Foundation
import LinearAlgebra
import Synchronization
import Training

/// How fast the native trainer fine-tunes and evaluates the demo's base model, beside PyTorch with PEFT and beside the
/// matrix products in it.
enum TrainingBenchmark: Benchmark {
    static let name = "training"

    static func run() async throws -> [Row] {
        guard BenchmarkCache.hasModel else {
            return [Row("Training speed", figure: "no model in the cache", yardstick: "`make data` fetches it")]
        }
        let bench = try TrainingBench()
        var rows: [Row] = []
        for (size, length) in [(8, 64), (16, 64), (32, 64), (16, 128)] {
            rows.append(try await padded(size: size, length: length, bench))
        }
        rows.append(try await natural(bench))
        let corpus = try bench.reviews()
        let engine = bench.engine(corpus)
        let adapter = try bench.adapter()
        let evaluation = try await Measurement.median(of: 3) {
            try await engine.outputs(of: corpus.heldOutRows, adapter: adapter, task: bench.task(length: 64))
        }
        rows.append(
            Row(
                "Evaluating film reviews",
                figure: (Double(corpus.heldOutRows.count) / evaluation).formatted(unit: "texts/s")
            )
        )
        return rows
    }

    /// Texts that all have as many tokens as the batch is long.
    private static func padded(size: Int, length: Int, _ bench: TrainingBench) async throws -> Row {
        let corpus = try bench.fullTexts(length: length)
        let own = try await bench.step(corpus, size: size, length: length)
        let bound =
            products(tokens: Double(size * length), length: Double(length))
            / (Machine.singlePrecisionRate() * Double(bench.threads))
        let rival = try bench.rival(corpus, size: size, length: length, .padded)
        return Row(
            "LoRA step, r = 8 on query and value, \(size) texts of \(length) tokens, \(bench.threads) threads",
            figure: own.milliseconds,
            yardstick: "\(rival.map { "\($0.milliseconds) PyTorch and PEFT" } ?? Rival.missing); "
                + "\(bound.milliseconds) for its large products alone in sgemm",
            ratio: rival.map { "\(($0 / own).times) as fast" } ?? (own / bound).times
        )
    }

    /// Real texts, which the rival pads to the longest of a batch.
    private static func natural(_ bench: TrainingBench) async throws -> Row {
        let corpus = try bench.reviews()
        let own = try await bench.step(corpus, size: 16, length: 64, steps: 40)
        let rival = try bench.rival(corpus, size: 16, length: 64, steps: 40)
        let tokens = corpus.trainingRows.reduce(0) { $0 + corpus.length(of: $1, maximumLength: 64) }
        return Row(
            "The same on 16 film reviews of \(tokens / corpus.trainingRows.count) tokens on average",
            figure: own.milliseconds,
            yardstick: rival.map { "\($0.milliseconds) PyTorch and PEFT, padded to the longest; bar 1.5×" }
                ?? Rival.missing,
            ratio: rival.map { "\(($0 / own).times) as fast" } ?? ""
        )
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
}
