package import FederatedLearning
package import Foundation
private import Training

/// Keeps the native trainer of the base model that was ordered last, with the silo's texts tokenized for it.
///
/// Its files are looked at before each order: a data file that has grown or was corrected counts from the next order on.
package actor NativeTrainers: TrainerProvider {
    /// A model in memory, and what the files were that it was read from.
    private struct Loaded {
        let model: ResidentModel
        let files: [URL]
        let stamps: [FileStamp?]

        var isCurrent: Bool { stamps == files.map { FileStamp(of: $0) } }
    }

    private let library: ModelLibrary
    private let data: URL
    private let client: String
    private let threads: Int
    private let checkpoints: CheckpointFile?
    private var resident: Loaded?
    private let digests = ModelDigests()

    /// Creates a provider that has loaded nothing yet.
    ///
    /// - Parameters:
    ///   - library: Where base models may be.
    ///   - data: The silo's data file.
    ///   - client: The client's name, on which its random numbers depend.
    ///   - threads: How many threads a trainer computes with.
    ///   - checkpoints: Where a long training is kept while it lasts; `nil` for nowhere.
    package init(
        library: ModelLibrary,
        data: URL,
        client: String,
        threads: Int,
        checkpoints: CheckpointFile? = nil
    ) {
        self.library = library
        self.data = data
        self.client = client
        self.threads = threads
        self.checkpoints = checkpoints
    }

    package func trainer(for order: WorkOrder) async throws -> ResidentModel {
        let assignment = order.assignment
        guard assignment.adapter.start == nil else {
            throw OrderRefusal.adapter(
                reason: "it is of another kind than LoRA, which this client's native trainer cannot train."
            )
        }
        if let resident, resident.model.digest == assignment.modelDigest, resident.isCurrent { return resident.model }
        // The old model goes first: a silo that has room for one need not have it for two.
        resident = nil
        let directory = try await library.directory(for: assignment.model, digest: assignment.modelDigest) {
            try await digests.digest(of: $0)
        }
        let files = NativeTrainer.files(ofModel: directory) + [data]
        // Before they are read: what changes meanwhile is then noticed by the next order.
        let stamps = files.map { FileStamp(of: $0) }
        let trainer = try load(directory)
        let model = ResidentModel(digest: assignment.modelDigest, trainer: trainer, tasks: trainer.tasks)
        resident = Loaded(model: model, files: files, stamps: stamps)
        return model
    }

    private func load(_ directory: URL) throws -> NativeTrainer {
        guard let checkpoints else {
            return try NativeTrainer(model: directory, data: data, client: client, threads: threads)
        }
        // A training goes on only with the texts that it began with.
        let digest = ContentDigest(hashing: try Data(contentsOf: data, options: .mappedIfSafe))
        return try NativeTrainer(model: directory, data: data, client: client, threads: threads) { order, adapter in
            checkpoints.checkpoints(of: order, from: adapter, data: digest)
        }
    }
}
