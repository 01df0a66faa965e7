import Adapters
import FederatedLearning
import LinearAlgebra
import Synchronization
import TestSupport
import Testing

@testable import Training

@Suite("Training checkpoints")
struct TrainingCheckpointTests {
    /// Keeps every step's checkpoint.
    private final class Notebook: TrainingCheckpoints {
        private let kept = Mutex<[TrainingCheckpoint]>([])
        private let first: TrainingCheckpoint?

        init(startingWith first: TrainingCheckpoint? = nil) { self.first = first }

        var checkpoints: [TrainingCheckpoint] { kept.withLock { $0 } }

        func latest() -> TrainingCheckpoint? { first }
        func isDue() -> Bool { true }
        func keep(_ checkpoint: TrainingCheckpoint) { kept.withLock { $0.append(checkpoint) } }
    }

    private static let rows: [DataFile.Row] = (0..<40).map { index in
        let label = ["a", "e"][index % 2]
        return DataFile.Row(
            line: index + 1,
            text: "film \(["b", "c", "d"][index % 3])\(label) w",
            label: .name(label),
            split: .train,
            document: nil
        )
    }

    private static func initial() throws -> LoRAAdapter {
        LoRAAdapter.initial(
            for: try BaseModelDirectory(reading: Fixture.url("tiny-bert")).layers(targetedBy: .names(["query"])),
            rank: 2,
            alpha: 4,
            head: ClassificationHead(labelCount: 2, hiddenSize: 32),
            seed: 5
        )
    }

    /// A trainer as a process that has just begun has it.
    private static func trainer(threads: Int = 1) throws -> NativeTrainer {
        BLASThreads.useCallingThreadOnly()
        return try NativeTrainer(
            directory: BaseModelDirectory(reading: Fixture.url("tiny-bert")),
            file: DataFile(path: "silo.jsonl", rows: rows),
            client: "berlin",
            threads: threads
        )
    }

    private static func task(_ optimizer: JobConfiguration.Training.Optimizer, dropout: Double) -> TrainingTask {
        TrainingTask(
            labels: ["a", "e"],
            settings: JobConfiguration.Training(
                epochs: 3,
                batchSize: 16,
                maximumLength: 12,
                optimizer: optimizer,
                learningRate: 1e-2,
                schedule: .cosine,
                momentum: 0.9,
                proximalMu: 0.1
            ),
            dropout: dropout
        )
    }

    @Test(
        "a training that goes on from any step ends with the bits and figures of one without a break",
        arguments: [(JobConfiguration.Training.Optimizer.adamw, 0.2, 2), (.sgd, 0, 1)]
    )
    func resumes(optimizer: JobConfiguration.Training.Optimizer, dropout: Double, threads: Int) async throws {
        let (initial, task) = (try Self.initial(), Self.task(optimizer, dropout: dropout))
        let undisturbed = Notebook()
        let expected = try await Self.trainer().train(initial, task: task, checkpoints: undisturbed)
        #expect(undisturbed.checkpoints.map(\.step) == Array(1...9))
        for checkpoint in undisturbed.checkpoints {
            let seen = Mutex<[Int]>([])
            let again = try await Self.trainer(threads: threads).train(
                initial,
                task: task,
                checkpoints: Notebook(startingWith: checkpoint)
            ) { progress in seen.withLock { $0.append(progress.step) } }
            #expect(again.adapter == expected.adapter, "from step \(checkpoint.step)")
            #expect(again.stepCount == 9)
            for name in ["loss", "final_loss", "tokens", "steps"] {
                #expect(again.metrics[name] == expected.metrics[name], "\(name) from step \(checkpoint.step)")
            }
            #expect(seen.withLock { $0 } == Array((checkpoint.step + 1)..<10))
        }
    }

    @Test("keeps where a training stands that is stopped between two steps")
    func stopped() async throws {
        /// Says that nothing is due.
        final class Patient: TrainingCheckpoints {
            private let kept = Mutex<TrainingCheckpoint?>(nil)

            var checkpoint: TrainingCheckpoint? { kept.withLock { $0 } }

            func latest() -> TrainingCheckpoint? { nil }
            func isDue() -> Bool { false }
            func keep(_ checkpoint: TrainingCheckpoint) { kept.withLock { $0 = checkpoint } }
        }
        let (initial, task) = (try Self.initial(), Self.task(.adamw, dropout: 0))
        let notebook = Patient()
        let trainer = try Self.trainer()
        let work = Task {
            try await trainer.train(initial, task: task, checkpoints: notebook) { progress in
                if progress.step == 3 { withUnsafeCurrentTask { $0?.cancel() } }
            }
        }
        await #expect(throws: CancellationError.self) { try await work.value }
        let checkpoint = try #require(notebook.checkpoint)
        #expect(checkpoint.step == 3)
        let expected = try await Self.trainer().train(initial, task: task)
        let again = try await trainer.train(initial, task: task, checkpoints: Notebook(startingWith: checkpoint))
        #expect(again.adapter == expected.adapter)
    }

    @Test("begins anew where a checkpoint cannot be of this training")
    func strangers() async throws {
        let (initial, task) = (try Self.initial(), Self.task(.adamw, dropout: 0))
        let undisturbed = Notebook()
        let expected = try await Self.trainer().train(initial, task: task, checkpoints: undisturbed)
        let sound = try #require(undisturbed.checkpoints.first)
        func stranger(
            step: Int = 1,
            values: [Float]? = nil,
            moments: OptimizerMoments? = nil
        ) -> TrainingCheckpoint {
            TrainingCheckpoint(
                step: step,
                values: values ?? sound.values,
                moments: moments ?? sound.moments,
                totals: sound.totals
            )
        }
        for checkpoint in [
            stranger(step: 0), stranger(step: 10), stranger(step: -1), stranger(values: [1]),
            stranger(moments: OptimizerMoments(first: [], second: [])),
            stranger(moments: OptimizerMoments(first: sound.moments.first, second: [])),
        ] {
            let again = try await Self.trainer().train(
                initial,
                task: task,
                checkpoints: Notebook(startingWith: checkpoint)
            )
            #expect(again.adapter == expected.adapter)
            #expect(again.metrics["tokens"] == expected.metrics["tokens"])
        }
    }

    @Test("keeps nothing of a training that protects single examples")
    func privateTraining() async throws {
        let (initial, notebook) = (try Self.initial(), Notebook())
        var task = Self.task(.adamw, dropout: 0)
        task.settings.proximalMu = 0
        task.privacy = ExampleLevelPrivacy(clippingNorm: 1, noiseMultiplier: 1)
        _ = try await Self.trainer().train(initial, task: task, checkpoints: notebook)
        #expect(notebook.checkpoints.isEmpty)
    }
}
