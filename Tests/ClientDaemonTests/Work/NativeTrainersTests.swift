import ClientDaemon
import FederatedLearning
import FederationHarness
import Foundation
import TestSupport
import Testing
import Training

@Suite("Resident trainers")
struct NativeTrainersTests {
    /// A silo's folder, with a base model and 48 texts of its own.
    private struct Silo {
        let model: URL
        let data: URL
        let trainers: NativeTrainers
        private let order: WorkOrder

        init(in folder: URL) async throws {
            model = folder.appendingPathComponent("tiny")
            data = folder.appendingPathComponent("data.jsonl")
            try FileManager.default.copyItem(at: TinyModel.directory, to: model)
            try TinyModel.writeData(count: 48, offset: 0, to: data)
            trainers = NativeTrainers(
                library: ModelLibrary(named: ["tiny": model]),
                data: data,
                client: "berlin",
                threads: 1
            )
            order = WorkOrder(
                id: WorkOrder.ID(job: Sample.job, round: 1, kind: .train),
                adapter: Sample.adapter(content: 1),
                assignment: Assignment(
                    jobName: "sample",
                    model: "tiny",
                    modelDigest: try await ModelDigest.of(directory: model),
                    task: .sequenceClassification,
                    labels: ["bad", "good"],
                    adapter: .init(rank: 4, alpha: 16, targetModules: ["query"], modulesToSave: ["classifier"]),
                    training: .init(),
                    evaluation: .init(),
                    seed: 1
                )
            )
        }

        /// How many texts an order would be trained on now.
        func trainingExampleCount() async throws -> Int {
            let resident = try await trainers.trainer(for: order)
            return try #require(resident.trainer as? NativeTrainer).trainingExampleCount
        }
    }

    @Test("a data file that has grown counts from the next order on")
    func grownData() async throws {
        try await withTemporaryDirectory { folder in
            let silo = try await Silo(in: folder)
            #expect(try await silo.trainingExampleCount() == 36)
            #expect(try await silo.trainingExampleCount() == 36)
            try TinyModel.writeData(count: 96, offset: 0, to: silo.data)
            #expect(try await silo.trainingExampleCount() == 72)
        }
    }

    @Test("a base model whose files have changed is read again, or refused")
    func changedModel() async throws {
        try await withTemporaryDirectory { folder in
            let silo = try await Silo(in: folder)
            #expect(try await silo.trainingExampleCount() == 36)
            let vocabulary = silo.model.appendingPathComponent("vocab.txt")
            let entries = try String(contentsOf: vocabulary, encoding: .utf8)
            try Data((entries + "more\n").utf8).write(to: vocabulary)
            await #expect(throws: TrainingError.self) { _ = try await silo.trainingExampleCount() }

            try Data(entries.utf8).write(to: vocabulary)
            #expect(try await silo.trainingExampleCount() == 36)
            // By renaming: the weights are mapped.
            let weights = silo.model.appendingPathComponent("model.safetensors")
            try Data("other weights".utf8).write(to: weights, options: .atomic)
            await #expect(throws: ClientError.self) { _ = try await silo.trainingExampleCount() }
        }
    }
}
