import Adapters
import Aggregation
import ClientDaemon
import FederatedLearning
import FederationHarness
import Foundation
import Synchronization
import TestSupport
import Testing
import Transport
import WireProtocol

@Suite("Work that was interrupted")
struct OrderWorkerTests {
    /// A silo's folder, with an order to train whose adapter has been fetched.
    private struct Silo {
        let directory: ClientDirectory
        let order: WorkOrder

        init(in folder: URL) async throws {
            directory = ClientDirectory(folder)
            try TinyModel.writeData(count: 48, offset: 0, to: folder.appendingPathComponent("data.jsonl"))
            let initial = LoRAAdapter.initial(
                for: try BaseModelDirectory(reading: TinyModel.directory).layers(targetedBy: .names(["query"])),
                rank: 2,
                alpha: 4,
                head: ClassificationHead(labelCount: 2, hiddenSize: 32),
                seed: 5
            )
            let payload = AdapterPayload.bytes(of: initial)
            try await PayloadStore(directory: directory.payloads).insert(Data(payload))
            let modelDigest = try await ModelDigest.of(directory: TinyModel.directory)
            order = WorkOrder(
                id: WorkOrder.ID(job: Sample.job, round: 1, kind: .train),
                adapter: AdapterReference(
                    digest: ContentDigest(hashing: payload),
                    byteCount: payload.count,
                    rank: 2,
                    alpha: 4
                ),
                assignment: Assignment(
                    jobName: "interrupted",
                    model: "tiny",
                    modelDigest: modelDigest,
                    task: .sequenceClassification,
                    labels: ["bad", "good"],
                    adapter: .init(rank: 2, alpha: 4, targetModules: ["query"], modulesToSave: ["classifier"]),
                    training: .init(epochs: 3, batchSize: 8, maximumLength: 12, learningRate: 1e-2),
                    evaluation: .init(),
                    seed: 1
                )
            )
        }

        /// A worker as a daemon that has just begun has it.
        func worker() throws -> OrderWorker {
            let checkpoints = CheckpointFile(directory.checkpointFile, logger: .silent)
            return OrderWorker(
                client: ClientID("berlin"),
                maximumRank: 8,
                trainers: NativeTrainers(
                    library: ModelLibrary(named: ["tiny": TinyModel.directory]),
                    data: directory.url.appendingPathComponent("data.jsonl"),
                    client: "berlin",
                    threads: 1,
                    checkpoints: checkpoints
                ),
                payloads: try PayloadStore(directory: directory.payloads),
                outbox: try Outbox(directory: directory.outbox),
                memory: JobMemory(folder: directory.memory),
                checkpoints: checkpoints
            )
        }

        var keepsTraining: Bool { FileManager.default.fileExists(atPath: directory.checkpointFile.path) }
    }

    @Test("goes on where it stood, gives the same bytes, and leaves no checkpoint when the update is safe")
    func goesOn() async throws {
        let expected = try await withTemporaryDirectory { folder in
            let silo = try await Silo(in: folder)
            guard case .trained(let update) = await (try silo.worker()).work(on: silo.order, progress: { _ in }) else {
                throw Failure()
            }
            return update.adapter.digest
        }
        try await withTemporaryDirectory { folder in
            let silo = try await Silo(in: folder)
            let worker = try silo.worker()
            let outcome = await Task {
                await worker.work(on: silo.order) { progress in
                    if progress.step == 4 { withUnsafeCurrentTask { $0?.cancel() } }
                }
            }.value
            guard case .stopped = outcome else { throw Failure() }
            #expect(silo.keepsTraining)

            let steps = Mutex<[Int]>([])
            let again = await (try silo.worker()).work(on: silo.order) { progress in
                steps.withLock { $0.append(progress.step) }
            }
            guard case .trained(let update) = again else { throw Failure() }
            #expect(steps.withLock { $0.first } == 5)
            #expect(update.adapter.digest == expected)
            #expect(!silo.keepsTraining)
        }
    }

    private struct Failure: Error {}
}
