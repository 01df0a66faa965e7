package import FederatedLearning
package import Foundation
private import Training

/// Keeps the native trainer of the base model that was ordered last, with the silo's texts tokenized for it.
package actor NativeTrainers: TrainerProvider {
    private let library: ModelLibrary
    private let data: URL
    private let client: String
    private let threads: Int
    private let checkpoints: CheckpointFile?
    private var resident: ResidentModel?
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
        if let resident, resident.digest == assignment.modelDigest { return resident }
        // The old model goes first: a silo that has room for one need not have it for two.
        resident = nil
        let directory = try await library.directory(for: assignment.model, digest: assignment.modelDigest) {
            try await digests.digest(of: $0)
        }
        let trainer = try load(directory)
        let model = ResidentModel(digest: assignment.modelDigest, trainer: trainer, tasks: trainer.tasks)
        resident = model
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
