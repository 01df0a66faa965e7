import Aggregation
import DifferentialPrivacy
import FederatedLearning
import LinearAlgebra
import Training

/// What privacy costs: drawing exact noise, clipping and summing in integers, and clipping single examples' gradients.
enum PrivacyBenchmark: Benchmark {
    static let name = "privacy"
    private static let parameters = 10_000_000
    private static let clients = 4

    static func run() async throws -> [Row] {
        var rows = try sampler()
        rows.append(try await round())
        rows.append(try await step())
        return rows
    }

    // MARK: - Noise

    private static func sampler() throws -> [Row] {
        let key = NoiseKey()
        let threads = Concurrency.processorCount
        return try [100, 0x1p20, 0x1p40].map { deviation in
            let sampler = try DiscreteGaussian(deviation: deviation)
            let seconds = Measurement.median(of: 5) { sampler.numbers(parameters, from: key, threads: threads) }
            let rate = Double(parameters) / seconds
            return Row(
                "Exact discrete Gaussian numbers, σ = \(Int(deviation)) steps, \(threads) threads",
                figure: (rate * 1e-6).formatted(unit: "M/s"),
                yardstick: "bar 20 M/s",
                ratio: (rate / 20e6).times
            )
        }
    }

    // MARK: - Rounds

    /// What the server does more in a round of a private job, beside what it does in any round.
    ///
    /// Every update is longer than the clipping norm, which is the dearest case. Noise is drawn while clients train and send,
    /// so that it does not count: it is over before the last update is there.
    private static func round() async throws -> Row {
        let cohort = RandomCohort(size: parameters / 320, layers: 10, clients: clients, rank: 16, globalRank: 16)
        let key = NoiseKey()
        let privacy = CentralPrivacy(
            settings: PrivacySettings(mechanism: .central, clippingNorm: 1, noiseMultiplier: 1, delta: 1e-5),
            expectedCohort: clients,
            round: 1,
            clippingNorm: 1,
            noiseKey: key,
            scope: FedAvg().scope(inRound: 1),
            global: cohort.global
        )
        let mechanism = try GaussianMechanism(
            grid: FixedPointGrid(clippingNorm: 1, dimension: parameters),
            noiseMultiplier: 1
        )
        let noise = Measurement.median(of: 5) { mechanism.noise(from: key) }
        let aggregation = CohortAggregation(strategy: FedAvg())
        let guarded = try await Measurement.median(of: 5) {
            let release = try await privacy.release(cohort.updates, from: cohort.global)
            return try aggregation.nextGlobal(from: cohort.global, updates: [release.update])
        }
        let plain = try Measurement.median(of: 5) {
            try aggregation.nextGlobal(from: cohort.global, updates: cohort.updates)
        }
        let transfers = try await UploadBenchmark.secondsPerByte() * Double(4 * parameters * clients)
        let added = guarded - plain
        return Row(
            "What privacy adds to a round of \(parameters / 1_000_000) M parameters and \(clients) clients",
            figure: added.milliseconds,
            yardstick:
                "\(noise.milliseconds) for noise, while clients train; \(guarded.milliseconds) for clipping, integer "
                + "sum, mean and FedAvg of it, \(plain.milliseconds) for FedAvg of all; "
                + "\((transfers + plain).milliseconds) for uploads over TLS and FedAvg; bar 15 %",
            ratio: (added / (transfers + plain)).times
        )
    }

    // MARK: - Steps

    private static func step() async throws -> Row {
        guard BenchmarkCache.hasModel else {
            return Row("A private step", figure: "no model in the cache", yardstick: "`make data` fetches it")
        }
        let bench = try TrainingBench()
        let (size, length) = (16, 64)
        let corpus = try bench.fullTexts(length: length)
        let plain = try await bench.step(corpus, size: size, length: length)
        let privacy = ExampleLevelPrivacy(clippingNorm: 1, noiseMultiplier: 1)
        let own = try await bench.step(corpus, size: size, length: length, steps: 41, privacy: privacy)
        let rival = try bench.rival(corpus, size: size, length: length, [.padded, .protectsExamples])
        let (plainRatio, opacus) = ((own / plain).times, rival.map { "\($0.milliseconds) Opacus" })
        return Row(
            "DP-SGD step, r = 8 on query and value, \(size) texts of \(length) tokens expected, \(bench.threads) threads",
            figure: own.milliseconds,
            yardstick: "\(plain.milliseconds) without privacy, bar 1.5×; \(opacus ?? Rival.missing)",
            ratio: "\(plainRatio)" + (rival.map { ", \(($0 / own).times) as fast as Opacus" } ?? "")
        )
    }
}
