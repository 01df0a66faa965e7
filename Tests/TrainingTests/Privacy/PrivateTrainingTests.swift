import Adapters
import DifferentialPrivacy
import FederatedLearning
import Foundation
import LinearAlgebra
import Synchronization
import TestSupport
import Testing

@testable import Training

@Suite("Trainings that protect single examples")
struct PrivateTrainingTests {
    private static let labels = ["a", "e", "i"]

    private static let rows: [DataFile.Row] = (0..<240).map { index in
        DataFile.Row(
            line: index + 1,
            text: "film \(["b", "c", "d", "f"][index % 4])\(labels[index % 3])"
                + String(repeating: " x", count: index % 5),
            label: .name(labels[index % 3]),
            split: index < 180 ? .train : .test,
            document: nil
        )
    }

    private let model: BaseModel
    private let corpus: TextCorpus
    private let initial: LoRAAdapter

    init() throws {
        BLASThreads.useCallingThreadOnly()
        let directory = try BaseModelDirectory(reading: Fixture.url("tiny-bert"))
        model = try BaseModel(directory)
        corpus = try model.corpus(of: DataFile(path: "all.jsonl", rows: Self.rows))
        initial = LoRAAdapter.initial(
            for: try directory.layers(targetedBy: .names(["query", "value"])),
            rank: 4,
            alpha: 8,
            head: ClassificationHead(labelCount: 3, hiddenSize: 32),
            seed: 9
        )
    }

    private static func key(_ number: UInt8 = 0) throws -> NoiseKey {
        try #require(NoiseKey(bytes: (0..<32).map { $0 &+ 31 &* number }))
    }

    /// One step of plain SGD at a learning rate of one shows the gradient that was stepped with.
    private func training(
        _ noise: NoiseSource,
        privacy: ExampleLevelPrivacy = ExampleLevelPrivacy(clippingNorm: 0.3, noiseMultiplier: 0.5),
        batchSize: Int = 12,
        rows: Int = 180,
        change: (inout TrainingTask) -> Void = { _ in }
    ) -> LocalTraining {
        var task = TrainingTask(
            labels: Self.labels,
            settings: JobConfiguration.Training(
                epochs: 1,
                maximumSteps: 1,
                batchSize: batchSize,
                maximumLength: 12,
                optimizer: .sgd,
                learningRate: 1
            ),
            seed: 3,
            privacy: privacy
        )
        change(&task)
        return LocalTraining(client: "berlin", adapter: initial, task: task, rows: Array(0..<rows), noise: noise)
    }

    private func train(_ training: LocalTraining, threads: Int = 2) async throws -> TrainingOutcome {
        let engine = TrainingEngine(model: model, corpus: corpus, threads: threads)
        return try await engine.train([training])[0].get()
    }

    /// The trained numbers before minus those after.
    private func step(_ outcome: TrainingOutcome) throws -> [Float] {
        let layout = try layout()
        return zip(layout.flatten(initial), layout.flatten(outcome.adapter)).map(-)
    }

    private func layout() throws -> AdapterLayout {
        try AdapterLayout(adapter: initial, model: model.network.adaptable, labelCount: 3)
    }

    // MARK: - Steps

    @Test("step with the mean of gradients that were clipped one by one, over the expected batch")
    func clippedMean() async throws {
        // Hardly any noise: two steps of the grid in each number.
        let privacy = ExampleLevelPrivacy(clippingNorm: 0.3, noiseMultiplier: 1e-9)
        let training = training(.secret(try Self.key()), privacy: privacy)
        var batches = try PoissonBatches(training, stepCount: 1)
        let next = batches.next()
        let batch = try #require(next)
        #expect(batch.count != 12 && batch.count > 3)

        let layout = try layout()
        let active = ActiveAdapter(layout: layout, parameters: layout.flatten(initial))
        let labels = try corpus.labels(in: Self.labels)
        var expected = [Double](repeating: 0, count: layout.count)
        var (clipped, longest) = (0, 0.0)
        for row in batch {
            var one = TrainingBatch()
            one.append(corpus.text(row, maximumLength: 12), label: labels[row])
            var gradient: [Float] = []
            var pass = ShardedPass(model: model.network, threads: 1)
            _ = pass.run([one], adapter: active, gradient: &gradient)
            let norm = gradient.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
            let weight = min(1, 0.3 / norm)
            if weight < 1 { clipped += 1 }
            longest = max(longest, weight * norm)
            for index in expected.indices { expected[index] += weight * Double(gradient[index]) / 12 }
        }
        #expect(clipped > 0 && longest <= 0.3 * (1 + 1e-12))
        let found = try step(try await train(training))
        // Gradients are clipped to a thousandth less than 0.3.
        #expect(relativeDifference(found, expected.map(Float.init)) < 2e-3)
    }

    @Test("step with noise alone when nobody was sampled", arguments: [true, false])
    func emptyBatch(isSecret: Bool) async throws {
        // One of 180 in expectation: about every third batch is empty.
        let candidates = try (0..<40 as Range<UInt8>).map { number in
            let noise = NoiseSource.secret(try Self.key(number))
            return self.training(isSecret ? noise : .simulation, batchSize: 1) { $0.seed = UInt64(number) }
        }
        let isEmpty = try candidates.map { candidate in
            var batches = try PoissonBatches(candidate, stepCount: 1)
            return batches.next() == []
        }
        let first = isEmpty.firstIndex(of: true)
        let training = candidates[try #require(first)]
        let layout = try layout()
        let trained = try TrainableParameters(layout: layout, adapter: initial, trained: .both)
        var noise = try GradientNoise(try #require(training.task.privacy), count: trained.count, of: training)
        var expected = [Float](repeating: 0, count: trained.count)
        try noise.average(&expected, over: 1)
        let found = try step(try await train(training))
        #expect(relativeDifference(found, expected) < 1e-5)
        #expect(expected.contains { $0 != 0 })
    }

    @Test("have noise of zC over the expected batch in every trained number", arguments: [true, false])
    func deviation(isSecret: Bool) throws {
        let training = training(isSecret ? .secret(try Self.key()) : .simulation)
        let privacy = ExampleLevelPrivacy(clippingNorm: 0.7, noiseMultiplier: 1.3)
        var noise = try GradientNoise(privacy, count: 50_000, of: training)
        #expect(noise.clippingNorm <= 0.7 && noise.clippingNorm > 0.69)
        var steps: [[Float]] = []
        for _ in 0..<2 {
            var mean = [Float](repeating: 0, count: 50_000)
            try noise.average(&mean, over: 12)
            let variance = mean.reduce(0.0) { $0 + Double($1) * Double($1) } / 50_000
            // 50,000 numbers give a deviation to within 0.32 %, one standard error.
            #expect(abs(variance.squareRoot() / (0.7 * 1.3 / 12) - 1) < 0.016)
            steps.append(mean)
        }
        // Every step has its own.
        #expect(steps[0] != steps[1])
    }

    @Test("sample each row independently, at the rate that is accounted for")
    func batches() throws {
        let training = training(.secret(try Self.key()), batchSize: 9, rows: 90) {
            $0.settings.epochs = 200
            $0.settings.maximumSteps = nil
        }
        #expect(training.noisedSteps == NoisedSteps(noiseMultiplier: 0.5, sampling: .poisson(rate: 0.1), count: 2_000))
        var batches = try PoissonBatches(training, stepCount: 2_000)
        var hits = [Int](repeating: 0, count: 90)
        var sizes: [Int] = []
        while let batch = batches.next() {
            sizes.append(batch.count)
            for row in batch { hits[row] += 1 }
        }
        #expect(sizes.count == 2_000)
        let mean = Double(sizes.reduce(0, +)) / 2_000
        let variance = sizes.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / 2_000
        // Binomial: 9 ± 2.85, so the mean is known to 0.064 and the variance, 8.1, to 0.26.
        #expect(abs(mean - 9) < 0.3 && abs(variance - 8.1) < 1.2)
        // 200 ± 13.4 each.
        #expect(hits.allSatisfy { abs($0 - 200) < 65 })
    }

    // MARK: - Whole trainings

    @Test("follow from the secret key on any number of threads, and differ without it")
    func secrecy() async throws {
        let several = try training(.secret(Self.key())) { $0.settings.maximumSteps = 5 }
        let outcome = try await train(several, threads: 1)
        for threads in 2...3 {
            #expect(try await train(several, threads: threads).adapter == outcome.adapter)
        }
        let fresh = LocalTraining(client: "berlin", adapter: initial, task: several.task, rows: several.rows)
        #expect(try await train(fresh).adapter != outcome.adapter)
        #expect(try await train(fresh).adapter != train(training(.simulation) { $0 = several.task }).adapter)
    }

    @Test("keep losses and token counts to themselves")
    func figures() async throws {
        let training = training(.simulation) { $0.settings.maximumSteps = 4 }
        let engine = TrainingEngine(model: model, corpus: corpus, threads: 1)
        let seen = Mutex<[TrainingProgress]>([])
        let results = await engine.train([training]) { _, progress in seen.withLock { $0.append(progress) } }
        let outcome = try results[0].get()
        #expect(outcome.metrics.keys.sorted() == ["seconds", "steps"])
        #expect(outcome.stepCount == 4)
        #expect(seen.withLock { $0.map(\.step) } == [1, 2, 3, 4])
        #expect(seen.withLock { $0 }.allSatisfy { $0.loss == 0 && $0.stepCount == 4 })
    }

    @Test("count their steps and tokens as a simulation takes them")
    func extent() async throws {
        let training = training(.simulation) {
            $0.settings.epochs = 2
            $0.settings.maximumSteps = nil
        }
        let extent = LocalTraining.extent(of: training.rows, client: "berlin", task: training.task, corpus: corpus)
        var batches = try PoissonBatches(training, stepCount: 30)
        var tokens = 0
        while let batch = batches.next() {
            tokens += batch.reduce(0) { $0 + corpus.length(of: $1, maximumLength: 12) }
        }
        #expect(extent == LocalTraining.Extent(steps: 30, tokens: tokens))
    }

    @Test("learn what many examples have in common", arguments: [TrainedFactors.both, .b])
    func learning(trained: TrainedFactors) async throws {
        let training = training(
            .simulation,
            privacy: ExampleLevelPrivacy(clippingNorm: 1, noiseMultiplier: 0.4),
            batchSize: 60
        ) {
            $0.settings.epochs = 60
            $0.settings.maximumSteps = nil
            $0.settings.optimizer = .adamw
            $0.settings.learningRate = 1e-2
            $0.rules = LocalRules(scope: UpdateScope(trained: trained))
        }
        let engine = TrainingEngine(model: model, corpus: corpus, threads: 2)
        let adapter = try await engine.train([training])[0].get().adapter
        let rows = corpus.heldOutRows
        let outputs = try await engine.outputs(of: rows, adapter: adapter, task: training.task)
        let report = try await engine.report(on: outputs, of: rows, task: training.task)
        #expect(try #require(report.metrics["accuracy"]) > 0.9)
        if trained == .b {
            for (path, module) in adapter.modules { #expect(module.a == initial.modules[path]?.a) }
        }
    }

    // MARK: - Refusals

    struct Refused: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let clippingNorm: Double
        let noiseMultiplier: Double
        var dropout = 0.0
    }

    @Test(
        "are refused with the setting that makes no sense",
        arguments: [
            Refused(testDescription: "`clipping_norm` is 0.0", clippingNorm: 0, noiseMultiplier: 1),
            Refused(testDescription: "`clipping_norm` is inf", clippingNorm: .infinity, noiseMultiplier: 1),
            Refused(testDescription: "`clipping_norm` is nan", clippingNorm: .nan, noiseMultiplier: 1),
            Refused(testDescription: "`noise_multiplier` is 0.0", clippingNorm: 1, noiseMultiplier: 0),
            Refused(testDescription: "`noise_multiplier` is -1.0", clippingNorm: 1, noiseMultiplier: -1),
            Refused(testDescription: "`lora_dropout` is 0.1", clippingNorm: 1, noiseMultiplier: 1, dropout: 0.1),
        ]
    )
    func refusal(_ test: Refused) async throws {
        let privacy = ExampleLevelPrivacy(clippingNorm: test.clippingNorm, noiseMultiplier: test.noiseMultiplier)
        let training = training(.simulation, privacy: privacy) { $0.dropout = test.dropout }
        let error = await #expect(throws: TrainingError.self) { try await train(training) }
        #expect(error?.description.contains(test.testDescription) == true, "\(error?.description ?? "none")")
    }

    @Test("end with an error when a gradient is not finite", arguments: [true, false])
    func divergence(isSecret: Bool) async throws {
        let training = training(isSecret ? .secret(try Self.key()) : .simulation) {
            $0.settings.maximumSteps = 5
            $0.settings.learningRate = 1e38
        }
        await #expect(throws: TrainingError.self) { try await train(training) }
    }
}
