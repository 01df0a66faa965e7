import Adapters
import Aggregation
import FederatedLearning
import Foundation
import LinearAlgebra
import Synchronization
import TestSupport
import Testing

@testable import Training

@Suite("Native trainer")
struct NativeTrainerTests {
    /// Texts whose label is the vowel in them: easy to learn, impossible to guess.
    private static let rows: [DataFile.Row] = (0..<240).map { index in
        let vowel = ["a", "e", "i"][index % 3]
        let text = "film \(["b", "c", "d", "f"][index % 4])\(vowel) \(["x", "yz"][index % 2]) w"
        return DataFile.Row(
            line: index + 1,
            text: text,
            label: .name(vowel),
            split: index % 6 < 4 ? .train : .test,
            document: nil
        )
    }

    private static let task = TrainingTask(
        labels: ["a", "e", "i"],
        settings: JobConfiguration.Training(epochs: 4, batchSize: 8, maximumLength: 12, learningRate: 2e-2)
    )

    private static func trainer(
        rows: [DataFile.Row] = rows,
        client: String = "berlin",
        threads: Int = 1
    ) throws -> NativeTrainer {
        BLASThreads.useCallingThreadOnly()
        return try NativeTrainer(
            directory: BaseModelDirectory(reading: Fixture.url("tiny-bert")),
            file: DataFile(path: "silo.jsonl", rows: rows),
            client: client,
            threads: threads
        )
    }

    /// A fresh adapter of rank 4 on query and value.
    private static func initial() throws -> LoRAAdapter {
        let directory = try BaseModelDirectory(reading: Fixture.url("tiny-bert"))
        return LoRAAdapter.initial(
            for: try directory.layers(targetedBy: .names(["query", "value"])),
            rank: 4,
            alpha: 8,
            head: ClassificationHead(labelCount: 3, hiddenSize: 32),
            seed: 9
        )
    }

    @Test("learns: the loss falls, held-out texts are recognised, and the figures say what was done")
    func learning() async throws {
        let trainer = try Self.trainer()
        let initial = try Self.initial()
        let before = try await trainer.evaluate(initial, task: Self.task)
        let seen = Mutex<[TrainingProgress]>([])
        let outcome = try await trainer.train(initial, task: Self.task) { progress in
            seen.withLock { $0.append(progress) }
        }
        let after = try await trainer.evaluate(outcome.adapter, task: Self.task)
        #expect(try #require(before.metrics["accuracy"]) < 0.6)
        #expect(try #require(after.metrics["accuracy"]) > 0.95)
        #expect(try #require(after.metrics["macro_f1"]) > 0.95)
        #expect(try #require(after.metrics["loss"]) < 0.3)
        #expect(after.exampleCount == 80)

        let progress = seen.withLock { $0 }
        #expect(outcome.exampleCount == 160)
        #expect(progress.map(\.step) == Array(1...80))
        #expect(progress.allSatisfy { $0.stepCount == 80 })
        #expect(outcome.metrics["steps"] == 80)
        #expect(outcome.metrics["final_loss"] == progress.last?.loss)
        let mean = progress.reduce(0) { $0 + $1.loss } / 80
        #expect(abs(try #require(outcome.metrics["loss"]) - mean) < 1e-12)
        #expect(try #require(outcome.metrics["tokens"]) > 160 * 4 * 6)
        // What was trained: the adapted layers and the head; the shapes stay.
        #expect(outcome.adapter.modules.keys.sorted() == initial.modules.keys.sorted())
        #expect(outcome.adapter.modules.allSatisfy { $0.value.b != Matrix(rows: 32, columns: 4) })
    }

    @Test("gives the same adapter on any number of threads and again, and another for another client, round or seed")
    func reproducible() async throws {
        let initial = try Self.initial()
        var task = Self.task
        task.settings.maximumSteps = 6
        // Large batches, so that there are several shards.
        task.settings.batchSize = 64
        func trained(_ task: TrainingTask, client: String = "berlin", threads: Int = 1) async throws -> LoRAAdapter {
            try await Self.trainer(client: client, threads: threads).train(initial, task: task).adapter
        }
        let reference = try await trained(task)
        #expect(try await trained(task, threads: 2) == reference)
        #expect(try await trained(task, threads: 3) == reference)
        #expect(try await trained(task, client: "paris") != reference)
        var other = task
        other.round = 2
        #expect(try await trained(other) != reference)
        other = task
        other.seed = 2
        #expect(try await trained(other) != reference)

        let trainer = try Self.trainer()
        _ = try await trainer.train(initial, task: other)
        #expect(try await trainer.train(initial, task: task).adapter == reference, "an earlier round leaves no trace")

        task.dropout = 0.2
        let dropped = try await trained(task)
        #expect(dropped != reference)
        #expect(try await trained(task, threads: 2) == dropped)
    }

    @Test("evaluates the same sample in every round, and all texts when it is larger")
    func sample() async throws {
        let trainer = try Self.trainer()
        let adapter = try Self.initial()
        var task = Self.task
        task.evaluationSample = 30
        let first = try await trainer.evaluate(adapter, task: task)
        task.round = 7
        #expect(first.exampleCount == 30)
        #expect(try await trainer.evaluate(adapter, task: task) == first)
        task.evaluationSample = 1000
        #expect(try await trainer.evaluate(adapter, task: task).exampleCount == 80)
        task.evaluationSample = 0
        #expect(try await trainer.evaluate(adapter, task: task) == EvaluationReport(exampleCount: 0, metrics: [:]))
    }

    @Test("predicts for the held-out texts in their order, as the evaluation counts them")
    func predictions() async throws {
        let trainer = try Self.trainer(threads: 2)
        let adapter = try Self.initial()
        let predictions = try await trainer.predictions(adapter, task: Self.task)
        #expect(predictions.count == 80)
        let heldOut = Self.rows.filter { $0.split == .test }
        let right = zip(predictions, heldOut).count { prediction, row in
            row.label == .name(Self.task.labels[prediction.label])
        }
        let report = try await trainer.evaluate(adapter, task: Self.task)
        #expect(report.metrics["accuracy"] == Double(right) / 80)
        let encoded = try JSONEncoder().encode(predictions[0])
        #expect(try JSONDecoder().decode(Prediction.self, from: encoded) == predictions[0])
        #expect(String(decoding: encoded, as: UTF8.self).contains("\"prediction\":"))
    }

    @Test("does what a federation's orders ask")
    func orders() async throws {
        let trainer = try Self.trainer()
        let adapter = try Self.initial()
        func order(_ kind: WorkOrder.Kind, task: JobConfiguration.Task) -> WorkOrder {
            WorkOrder(
                id: WorkOrder.ID(job: .sample, round: 3, kind: kind),
                adapter: .sample(1),
                assignment: Assignment(
                    jobName: "vowels",
                    model: "tiny-bert",
                    modelDigest: ContentDigest(hashing: []),
                    task: task,
                    labels: Self.task.labels,
                    adapter: .init(rank: 4, alpha: 8, targetModules: ["query", "value"]),
                    training: Self.task.settings,
                    evaluation: .init(sample: 20),
                    seed: 5
                )
            )
        }
        let outcome = try await trainer.train(adapter, for: order(.train, task: .sequenceClassification)) { _ in }
        var same = Self.task
        (same.seed, same.round) = (5, 3)
        #expect(try await trainer.train(adapter, task: same).adapter == outcome.adapter)
        let report = try await trainer.evaluate(adapter, for: order(.evaluate, task: .sequenceClassification))
        #expect(report.exampleCount == 20)
        await #expect(
            throws: TrainingError.unsupportedTask("causal-lm", possible: ["sequence-classification"])
        ) {
            try await trainer.evaluate(adapter, for: order(.evaluate, task: .causalLanguageModel))
        }
    }

    @Test("stops between two steps when it is cancelled")
    func cancellation() async throws {
        let trainer = try Self.trainer()
        let initial = try Self.initial()
        let steps = Mutex(0)
        let training = Task {
            try await trainer.train(initial, task: Self.task) { progress in
                steps.withLock { $0 = progress.step }
                if progress.step == 3 { withUnsafeCurrentTask { $0?.cancel() } }
            }
        }
        await #expect(throws: CancellationError.self) { try await training.value }
        #expect(steps.withLock { $0 } == 3)
    }

    @Test("stops when the loss is no longer finite")
    func divergence() async throws {
        var task = Self.task
        task.settings.learningRate = 1e38
        let diverging = task
        let error = await #expect(throws: TrainingError.self) {
            try await Self.trainer().train(Self.initial(), task: diverging)
        }
        #expect(error?.description.contains("Lower `learning_rate`.") == true)
    }

    struct Refused: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let change: @Sendable (inout TrainingTask) -> Void
        let message: String
    }

    @Test(
        "refuses settings that the model cannot follow",
        arguments: [
            Refused(
                testDescription: "too long",
                change: { $0.settings.maximumLength = 21 },
                message: "takes from 3 to 20 tokens"
            ),
            Refused(
                testDescription: "too short",
                change: { $0.settings.maximumLength = 2 },
                message: "`max_length` is 2"
            ),
            Refused(testDescription: "no batch", change: { $0.settings.batchSize = 0 }, message: "`batch_size` is 0"),
            Refused(testDescription: "no epoch", change: { $0.settings.epochs = 0 }, message: "`epochs` is 0"),
            Refused(testDescription: "no step", change: { $0.settings.maximumSteps = 0 }, message: "`max_steps` is 0"),
            Refused(testDescription: "dropout", change: { $0.dropout = 1 }, message: "`lora_dropout` is 1.0"),
            Refused(testDescription: "dropout NaN", change: { $0.dropout = .nan }, message: "`lora_dropout` is nan"),
            Refused(testDescription: "one label", change: { $0.labels = ["a"] }, message: "at least two"),
            Refused(
                testDescription: "unknown label",
                change: { $0.labels = ["a", "e", "o"] },
                message: "line 3: the job knows no label 'i'"
            ),
        ]
    )
    func refusals(_ test: Refused) async throws {
        var task = Self.task
        test.change(&task)
        let refused = task
        let error = await #expect(throws: TrainingError.self) {
            try await Self.trainer().train(Self.initial(), task: refused)
        }
        #expect(error?.description.contains(test.message) == true, "\(error?.description ?? "no error")")
    }

    @Test("refuses a vocabulary that is larger than the model's")
    func vocabulary() async throws {
        try await withTemporaryDirectory { folder in
            let copy = folder.appendingPathComponent("model")
            try FileManager.default.copyItem(at: Fixture.url("tiny-bert"), to: copy)
            let vocabulary = copy.appendingPathComponent("vocab.txt")
            let text = try String(contentsOf: vocabulary, encoding: .utf8) + "more\n"
            try Data(text.utf8).write(to: vocabulary)
            let data = folder.appendingPathComponent("silo.csv")
            try Data("text,label\nx,a\ny,b\n".utf8).write(to: data)
            let error = #expect(throws: TrainingError.self) {
                try NativeTrainer(model: copy, data: data, client: "berlin")
            }
            #expect(error?.description.contains("a tokenizer of 61 entries for the model's 60") == true)
        }
    }

    @Test("fine-tunes a file without a federation")
    func localFineTuning() async throws {
        try await withTemporaryDirectory { folder in
            let data = folder.appendingPathComponent("silo.csv")
            let lines = Self.rows.map { row in
                guard case .name(let label) = row.label else { return "" }
                return "\(row.text),\(label),\(row.split?.rawValue ?? "")"
            }
            try Data((["text,label,split"] + lines).joined(separator: "\n").utf8).write(to: data)
            let tuning = try LocalFineTuning(
                LocalFineTuning.Plan(
                    model: Fixture.url("tiny-bert"),
                    data: data,
                    adapter: .init(rank: 4, alpha: 8, targetModules: ["query", "value"]),
                    training: Self.task.settings,
                    threads: 1
                )
            )
            #expect(tuning.labels == ["a", "e", "i"])
            let result = try await tuning.run { _ in }
            #expect(result.adapter.modules.count == 4)
            #expect(try #require(result.after.metrics["accuracy"]) > 0.95)
            #expect(try #require(result.before.metrics["accuracy"]) < 0.6)
            #expect(result.trainingMetrics["steps"] == 80)
        }
    }

    @Test(
        "says of data without classes what is missing for a classification",
        arguments: [
            ("text\na\nb\n", nil, "line 2: has no `label`"),
            ("text,label\na,x\nb,x\n", nil, "`labels` has 1 of them"),
            ("text,label\na,x\nb,y\n", [], "`labels` has 0 of them"),
        ] as [(String, [String]?, String)]
    )
    func withoutClasses(content: String, labels: [String]?, message: String) async throws {
        try await withTemporaryDirectory { folder in
            let data = folder.appendingPathComponent("silo.csv")
            try Data(content.utf8).write(to: data)
            let plan = LocalFineTuning.Plan(
                model: Fixture.url("tiny-bert"),
                data: data,
                labels: labels,
                adapter: .init(rank: 4, alpha: 8, targetModules: ["query", "value"]),
                training: Self.task.settings,
                threads: 1
            )
            let error = #expect(throws: TrainingError.self) { _ = try LocalFineTuning(plan) }
            #expect(error?.description.contains(message) == true, "\(error?.description ?? "no error")")
        }
    }

    // MARK: - What strategies ask for

    @Test("trains the factors that it is told to, and leaves the others bit by bit", arguments: [TrainedFactors.a, .b])
    func frozenFactors(_ trained: TrainedFactors) async throws {
        let trainer = try Self.trainer()
        var start = try Self.initial()
        // With B = 0 the gradient of A would be zero.
        for path in start.modules.keys { start.modules[path]?.b[0, 0] = 0.1 }
        var task = Self.task
        task.rules = LocalRules(scope: UpdateScope(trained: trained))
        let outcome = try await trainer.train(start, task: task)
        for (path, module) in start.modules {
            let found = try #require(outcome.adapter.modules[path])
            #expect((found.a == module.a) == (trained == .b))
            #expect((found.b == module.b) == (trained == .a))
        }
        let before = try await trainer.evaluate(start, task: task)
        let after = try await trainer.evaluate(outcome.adapter, task: task)
        #expect(try #require(after.metrics["loss"]) < 0.9 * #require(before.metrics["loss"]))
    }

    @Test("trains cores between frozen factors")
    func cores() async throws {
        let trainer = try Self.trainer()
        let start = try FedSB().start(from: Self.initial(), seed: 3)
        var task = Self.task
        task.rules = LocalRules(scope: UpdateScope(trained: .core))
        let outcome = try await trainer.train(start, task: task)
        for (path, module) in start.modules {
            let found = try #require(outcome.adapter.modules[path])
            #expect(found.a == module.a && found.b == module.b && found.core != module.core)
        }
        let after = try await trainer.evaluate(outcome.adapter, task: task)
        #expect(try #require(after.metrics["accuracy"]) > 0.9)
        // What peft would be given says the same as the adapter with cores.
        let plain = LoRAAdapter(
            modules: outcome.adapter.modules.mapValues(\.withoutCore),
            savedTensors: outcome.adapter.savedTensors
        )
        #expect(try await trainer.predictions(plain, task: task) == trainer.predictions(outcome.adapter, task: task))
    }

    @Test("folds a residual into the base model, and takes it out again")
    func residual() async throws {
        let trainer = try Self.trainer()
        let trained = try await trainer.train(Self.initial(), task: Self.task).adapter
        let expected = try await trainer.predictions(trained, task: Self.task)
        var folded = try Self.initial()
        folded.savedTensors = trained.savedTensors
        folded.residual = trained.modules
        let found = try await trainer.predictions(folded, task: Self.task)
        for (found, expected) in zip(found, expected) {
            #expect(found.label == expected.label)
            for (left, right) in zip(found.logits, expected.logits) { #expect(abs(left - right) < 1e-4) }
        }
        // The same in one plain adapter, as it is exported.
        let whole = try await trainer.predictions(folded.whole(), task: Self.task)
        for (found, expected) in zip(whole, expected) {
            for (left, right) in zip(found.logits, expected.logits) { #expect(abs(left - right) < 1e-4) }
        }
        #expect(try await trainer.predictions(trained, task: Self.task) == expected)

        folded.residual = ["bert.pooler": try #require(trained.modules.values.first)]
        await #expect(throws: TrainingError.self) { try await trainer.predictions(folded, task: Self.task) }
    }

    @Test("stays nearer to what was handed out the larger µ is")
    func proximal() async throws {
        let trainer = try Self.trainer()
        let start = try Self.initial()
        var distances: [Double] = []
        for mu in [0, 0.1, 10] {
            var task = Self.task
            task.settings.proximalMu = mu
            let trained = try await trainer.train(start, task: task).adapter
            distances.append(
                trained.modules.reduce(0) { sum, entry in
                    sum + (entry.value.b - (start.modules[entry.key]?.b ?? entry.value.b)).frobeniusNorm
                }
            )
        }
        #expect(distances[0] > distances[1] && distances[1] > distances[2])
    }
}
