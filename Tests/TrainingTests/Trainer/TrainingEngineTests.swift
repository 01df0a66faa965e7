import Adapters
import FederatedLearning
import LinearAlgebra
import Synchronization
import TestSupport
import Testing

@testable import Training

@Suite("Several trainings on one model")
struct TrainingEngineTests {
    private static let labels = ["a", "e", "i"]

    /// Texts of different lengths whose label is a vowel in them.
    private static let rows: [DataFile.Row] = (0..<200).map { index in
        DataFile.Row(
            line: index + 1,
            text: "film \(["b", "c", "d"][index % 3])\(labels[index % 3])"
                + String(repeating: " x", count: (index * 7) % 9),
            label: .name(labels[index % 3]),
            split: index < 160 ? .train : .test,
            document: nil
        )
    }

    private let model: BaseModel
    private let corpus: TextCorpus

    init() throws {
        BLASThreads.useCallingThreadOnly()
        model = try BaseModel(BaseModelDirectory(reading: Fixture.url("tiny-bert")))
        corpus = try model.corpus(of: DataFile(path: "all.jsonl", rows: Self.rows))
    }

    private func engine(threads: Int = 1) -> TrainingEngine {
        TrainingEngine(model: model, corpus: corpus, threads: threads)
    }

    private func adapter(
        rank: Int,
        targets: [String] = ["query", "value"],
        labels: Int = 3
    ) throws -> LoRAAdapter {
        let directory = try BaseModelDirectory(reading: Fixture.url("tiny-bert"))
        var adapter = LoRAAdapter.initial(
            for: try directory.layers(targetedBy: .names(targets)),
            rank: rank,
            alpha: 8,
            head: ClassificationHead(labelCount: labels, hiddenSize: 32),
            seed: UInt64(rank)
        )
        var generator = CounterGenerator(seed: UInt64(rank))
        for path in adapter.modules.keys.sorted() {
            guard let width = adapter.modules[path]?.outputWidth else { continue }
            adapter.modules[path]?.b = Matrix(gaussian: width, rank, using: &generator, scale: 0.1)
        }
        return adapter
    }

    /// Clients of different ranks, layers, amounts of data and rules.
    private func trainings(dropout: Double = 0) throws -> [LocalTraining] {
        let kinds: [(rank: Int, targets: [String])] = [
            (4, ["query", "value"]), (1, ["query", "value"]), (8, ["query", "key", "value", "dense"]),
            (3, ["output.dense"]), (2, ["query", "value"]),
        ]
        return try kinds.enumerated().map { index, kind in
            var task = TrainingTask(
                labels: Self.labels,
                settings: JobConfiguration.Training(
                    epochs: 2,
                    maximumSteps: index == 1 ? 2 : 5,
                    batchSize: index == 2 ? 40 : 6,
                    maximumLength: 20,
                    optimizer: index == 3 ? .sgd : .adamw,
                    learningRate: 1e-2
                ),
                dropout: dropout,
                seed: 3,
                round: index + 1
            )
            if index == 4 { task.rules = LocalRules(scope: UpdateScope(trained: .b)) }
            // Two whose single examples are protected, where nothing is dropped.
            if dropout == 0, index == 0 || index == 4 {
                task.privacy = ExampleLevelPrivacy(clippingNorm: 0.5, noiseMultiplier: 0.4)
            }
            return LocalTraining(
                client: "client \(index)",
                adapter: try adapter(rank: kind.rank, targets: kind.targets),
                task: task,
                rows: Array(stride(from: index, to: 160, by: 5 + index)),
                noise: .simulation
            )
        }
    }

    private func adapters(_ results: [Result<TrainingOutcome, any Error>]) throws -> [LoRAAdapter] {
        try results.map { try $0.get().adapter }
    }

    @Test("gives each client the bits that it computes alone", arguments: [0, 0.3])
    func alone(dropout: Double) async throws {
        let trainings = try trainings(dropout: dropout)
        var alone: [LoRAAdapter] = []
        for training in trainings { alone += try adapters(await engine().train([training], fusing: .never)) }
        #expect(zip(alone, trainings).allSatisfy { $0 != $1.adapter })
        for threads in 1...3 {
            for fusing in [FusingPolicy.never, .automatic, .clients(2), .clients(5)] {
                let engine = engine(threads: threads)
                #expect(try adapters(await engine.train(trainings, fusing: fusing)) == alone, "\(threads), \(fusing)")
                let reversed = try adapters(await engine.train(trainings.reversed(), fusing: fusing))
                #expect(reversed.reversed() == alone, "\(threads) threads, \(fusing), in reverse")
            }
        }
    }

    @Test("gives a client the bits that a trainer with its file computes")
    func sameAsTrainer() async throws {
        let training = try trainings()[1]
        let file = try DataFile(path: "silo.jsonl", rows: training.rows.map { Self.rows[$0] })
        let own = try model.corpus(of: file)
        let trainer = NativeTrainer(
            model: model,
            corpus: own,
            client: training.client,
            threads: 2
        )
        let expected = try await trainer.train(training.adapter, task: training.task)
        let found = try await engine().train(try trainings())[1].get()
        #expect(found.adapter == expected.adapter)
        #expect(found.exampleCount == training.rows.count && found.stepCount == 2)
        #expect(found.metrics["loss"] == expected.metrics["loss"])
        #expect(found.metrics["tokens"] == expected.metrics["tokens"])
    }

    @Test("lets one training fail and the others end", arguments: [1, 2])
    func failures(threads: Int) async throws {
        let expected = try adapters(await engine().train(trainings()))
        var trainings = try trainings()
        trainings[0].task.settings.learningRate = 1e38
        trainings[2].adapter = try adapter(rank: 2, labels: 4)
        trainings[3].rows = []
        let results = await engine(threads: threads).train(trainings, fusing: .clients(5))
        for (index, message) in [
            (0, "Lower `learning_rate`."), (2, "has the shape [4, 32]"), (3, "'client 3' has no rows to train on"),
        ] {
            let error = #expect(throws: TrainingError.self) { try results[index].get() }
            #expect(error?.description.contains(message) == true, "\(error?.description ?? "none")")
        }
        for index in [1, 4] { #expect(try results[index].get().adapter == expected[index]) }
        #expect(await engine().train([]).isEmpty)
    }

    @Test("trains on several bases in one call, each with its own residual folded in")
    func residuals() async throws {
        var trainings = try trainings()
        for index in [1, 3] { trainings[index].adapter.residual = try adapter(rank: 3).modules }
        let engine = engine(threads: 2)
        let together = try adapters(await engine.train(trainings))
        for (index, training) in trainings.enumerated() {
            #expect(try adapters(await self.engine().train([training])) == [together[index]])
        }
    }

    @Test("stops all threads between two steps when its task is cancelled", arguments: [1, 2])
    func cancellation(threads: Int) async throws {
        let trainings = try trainings()
        let engine = engine(threads: threads)
        let work = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return await engine.train(trainings)
        }
        for result in await work.value {
            #expect(throws: CancellationError.self) { try result.get() }
        }
    }

    @Test("judges any rows, and reports on any of them")
    func evaluation() async throws {
        let engine = engine(threads: 2)
        let (adapter, task) = (try adapter(rank: 2), try trainings()[0].task)
        let rows = Array(stride(from: 3, to: 200, by: 2))
        let outputs = try await engine.outputs(of: rows, adapter: adapter, task: task)
        #expect(outputs.count == rows.count)
        let report = try await engine.report(on: outputs[10..<30], of: rows[10..<30], task: task)
        #expect(report.exampleCount == 20)
        let right = zip(rows[10..<30], outputs[10..<30]).count { row, output in
            Self.rows[row].label == .name(Self.labels[Prediction(logits: output.logits).label])
        }
        #expect(report.metrics["accuracy"] == Double(right) / 20)
    }
}
