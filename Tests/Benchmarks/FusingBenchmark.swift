import Adapters
import FederatedLearning
import LinearAlgebra
import Training

/// What it brings to send the small steps of several clients through the model together.
enum FusingBenchmark: Benchmark {
    static let name = "fusing"

    static func run() async throws -> [Row] {
        guard BenchmarkCache.hasModel else {
            return [Row("Fused clients", figure: "no model in the cache", yardstick: "`make data` fetches it")]
        }
        let bench = try TrainingBench()
        var rows: [Row] = []
        for (size, length) in [(2, 8), (8, 8), (4, 64)] {
            let corpus = try bench.fullTexts(length: length)
            let engine = bench.engine(corpus)
            let steps = max(3, 64 / (size * length))
            let trainings = try (0..<32).map { client in
                LocalTraining(
                    client: "client \(client)",
                    adapter: try bench.adapter(rank: [4, 8, 8, 16][client % 4]),
                    task: bench.task(size: size, length: length, steps: steps),
                    rows: Array(corpus.trainingRows[client * 20..<(client + 1) * 20])
                )
            }
            func seconds(_ fusing: FusingPolicy) async -> Double {
                await Measurement.median(of: 5) { await engine.train(trainings, fusing: fusing) }
                    / Double(trainings.count * steps)
            }
            let alone =
                await Measurement.median(of: 3) {
                    for training in trainings.prefix(8) { _ = await engine.train([training]) }
                } / Double(8 * steps)
            let (apart, fused) = (await seconds(.never), await seconds(.automatic))
            rows.append(
                Row(
                    "A step of \(size * length) tokens of one of 32 clients at ranks 4 to 16, \(bench.threads) threads",
                    figure: "\(fused.milliseconds) fused",
                    yardstick: "\(apart.milliseconds) side by side, \(alone.milliseconds) one after the other",
                    ratio: "\((apart / fused).times), \((alone / fused).times)"
                )
            )
        }
        rows.append(try await memory(bench))
        return rows
    }

    /// What sixteen trainings that are under way at once add to the process's peak.
    private static func memory(_ bench: TrainingBench) async throws -> Row {
        let corpus = try bench.fullTexts(length: 32)
        let engine = bench.engine(corpus)
        let trainings = try (0..<16).map { client in
            LocalTraining(
                client: "client \(client)",
                adapter: try bench.adapter(),
                task: bench.task(size: 2, length: 32, steps: 2),
                rows: Array(corpus.trainingRows[client * 20..<(client + 1) * 20])
            )
        }
        let numbers = 12 * 8 * 768 + 5 * 385
        let (first, before) = (Machine.peakMemory(), trainings.prefix(bench.threads))
        _ = await engine.train(Array(before), fusing: .clients(1))
        let second = Machine.peakMemory()
        _ = await engine.train(trainings, fusing: .clients(16))
        let third = Machine.peakMemory()
        return Row(
            "16 trainings under way at once, two texts of 32 tokens a step each",
            figure: "\(kib(third - second)) more than \(bench.threads) of them",
            yardstick: "\(kib(Double(16 * 4 * 4 * numbers))) for adapters, gradients and AdamW's moments; "
                + "the first \(bench.threads) took \(kib(second - first)) with all buffers"
        )
    }

    private static func kib(_ bytes: Double) -> String { "\(Int(bytes / 1024)) KiB" }
}
