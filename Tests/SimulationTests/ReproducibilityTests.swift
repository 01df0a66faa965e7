import Adapters
import FederatedLearning
import Foundation
import LinearAlgebra
import TestSupport
import Testing
import Training

@testable import Simulation

@Suite("Runs with a real model")
struct ReproducibilityTests {
    /// The fixture of the Training tests; the repository holds it once.
    private static let model = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../TrainingTests/Fixtures/tiny-bert", isDirectory: true).standardizedFileURL

    private static let experiment = """
        name: tiny
        model: \(model.path)
        task: sequence-classification
        labels: [bad, good]
        adapter: {r: 4, lora_alpha: 8, target_modules: [query, value]}
        strategy: {name: flexlora}
        rounds: 3
        cohort: {size: 4, minimum: 2}
        training: {epochs: 1, batch_size: 4, max_length: 16, learning_rate: 0.02}
        evaluation: {every: 3}
        clients: 6
        data: {file: texts.jsonl}
        partition: {by: dirichlet, alpha: 1, minimum: 2}
        ranks: {distribution: uniform, ranks: [2, 4]}
        devices: [{name: phone, tokens_per_second: 100}, {name: server, tokens_per_second: 1000}]

        """

    init() { BLASThreads.useCallingThreadOnly() }

    private func writeData(to folder: URL) throws {
        let fillers = ["a film", "film a b", "c d film", "e f", "film g"]
        let rows = (0..<120).map { index in
            let label = index % 2 == 0 ? "good" : "bad"
            let split = index / 2 % 4 == 3 ? "test" : "train"
            return #"{"text": "\#(fillers[index % 5]) \#(label)", "label": "\#(label)", "split": "\#(split)"}"#
        }
        try Data((rows.joined(separator: "\n") + "\n").utf8).write(to: folder.appendingPathComponent("texts.jsonl"))
    }

    /// Runs the experiment and returns the adapter's bytes and the summary.
    private func run(
        in folder: URL,
        name: String,
        threads: Int,
        fusing: FusingPolicy = .automatic,
        groupSize: Int = 16,
        stopping round: Int? = nil,
        overrides: [String] = []
    ) async throws -> (adapter: Data, summary: RunSummary) {
        let sweep = try ExperimentSweep(
            text: Self.experiment,
            overrides: overrides.map { try JobFileOverride(parsing: $0) },
            folder: folder
        )
        let run = try #require(sweep.runs.first)
        let data = try ExperimentData(for: run.experiment, besides: folder, environment: [:])
        let model = try BaseModel(BaseModelDirectory(reading: Self.model))
        let engine = TrainingEngine(model: model, corpus: try model.corpus(of: data.file), threads: threads)
        var bench = Workbench(folder: folder, environment: [:], threads: threads)
        let world = try await bench.world(for: run.experiment)
        let trainer = EngineTrainer(
            engine: engine,
            tasks: [.sequenceClassification],
            groupSize: groupSize,
            fusing: fusing
        )
        let target = folder.appendingPathComponent(name)
        let simulation = SimulationRun(
            run.experiment,
            text: run.text,
            in: target,
            world: SimulationRun.World(
                partition: world.partition,
                trainer: StoppingTrainer(trainer: trainer, round: round),
                modelDigest: world.modelDigest,
                initialAdapter: world.initialAdapter
            )
        )
        let summary = try await Task { try await simulation.run() }.value
        let file = target.appendingPathComponent("adapter/adapter_model.safetensors")
        return (try Data(contentsOf: file), summary)
    }

    @Test("end with the same bits for any number of threads, fused or not, in any groups, and again")
    func sameBits() async throws {
        try await withTemporaryDirectory { folder in
            try writeData(to: folder)
            let expected = try await run(in: folder, name: "first", threads: 1, fusing: .never, groupSize: 1)
            #expect(expected.summary.rounds == 3 && expected.summary.steps > 10)
            let others: [(threads: Int, fusing: FusingPolicy, groupSize: Int)] = [
                (1, .never, 1), (1, .clients(3), 16), (2, .never, 16), (2, .automatic, 16), (2, .clients(2), 3),
            ]
            for (index, other) in others.enumerated() {
                let found = try await run(
                    in: folder,
                    name: "other \(index)",
                    threads: other.threads,
                    fusing: other.fusing,
                    groupSize: other.groupSize
                )
                #expect(found.adapter == expected.adapter, "\(other)")
                #expect(found.summary.adapterSHA256 == expected.summary.adapterSHA256, "\(other)")
                #expect(found.summary.final == expected.summary.final, "\(other)")
            }
        }
    }

    @Test("go on after an interruption as if there had been none, with another number of threads")
    func resumption() async throws {
        try await withTemporaryDirectory { folder in
            try writeData(to: folder)
            let expected = try await run(in: folder, name: "whole", threads: 1)
            await #expect(throws: (any Error).self) {
                try await run(in: folder, name: "parts", threads: 1, stopping: 2)
            }
            #expect(try Checkpoint.read(in: folder.appendingPathComponent("parts")) != nil)
            let found = try await run(in: folder, name: "parts", threads: 2)
            #expect(found.adapter == expected.adapter)
            #expect(found.summary.final == expected.summary.final)
            // The first two rounds are not evaluated: the line of the first is not written when its state is saved.
            let tables = try ["whole", "parts"].map { try RunOutput(folder.appendingPathComponent($0)) }
            #expect(tables[1].rounds.texts("round") == ["0", "1", "2", "3"])
            #expect(tables[1].roundsWithoutSeconds == tables[0].roundsWithoutSeconds)
        }
    }

    @Test("learn what the texts say")
    func learning() async throws {
        try await withTemporaryDirectory { folder in
            try writeData(to: folder)
            let overrides = ["rounds=10", "evaluation.every=5", "training.learning_rate=0.01"]
            let found = try await run(in: folder, name: "run", threads: 2, overrides: overrides)
            let output = try RunOutput(folder.appendingPathComponent("run"))
            let losses = output.rounds.numbers("loss").filter(\.isFinite)
            #expect(losses.count == 3)
            #expect((losses.last ?? 1) < 0.1 && found.summary.final?.accuracy == 1)
        }
    }
}

/// Cancels the task that trains in one round.
private struct StoppingTrainer: SimulatedTrainer {
    let trainer: EngineTrainer
    let round: Int?

    var groupSize: Int { trainer.groupSize }
    var tasks: Set<JobConfiguration.Task> { trainer.tasks }

    func workload(of client: SimulatedClient, for order: WorkOrder) -> Workload {
        trainer.workload(of: client, for: order)
    }

    func train(_ requests: [TrainingRequest]) async -> [Result<TrainingOutcome, any Error>] {
        if let round, requests.contains(where: { $0.order.id.round == round }) {
            withUnsafeCurrentTask { $0?.cancel() }
        }
        return await trainer.train(requests)
    }

    func evaluate(
        _ adapter: LoRAAdapter,
        for order: WorkOrder,
        by clients: [SimulatedClient]
    ) async throws -> GroupEvaluation {
        try await trainer.evaluate(adapter, for: order, by: clients)
    }
}
