package import FederatedLearning
package import Foundation
private import Training

/// Keeps the native trainer of the base model that was ordered last, with the silo's texts tokenized for it.
package actor NativeTrainers: TrainerProvider {
    /// A digest, and the state of the weights file that it was computed from.
    private struct Hashed {
        let modified: Date
        let byteCount: Int
        let digest: ContentDigest
    }

    private let library: ModelLibrary
    private let data: URL
    private let client: String
    private let threads: Int
    private var resident: ResidentModel?
    private var hashed: [URL: Hashed] = [:]

    /// Creates a provider that has loaded nothing yet.
    ///
    /// - Parameters:
    ///   - library: Where base models may be.
    ///   - data: The silo's data file.
    ///   - client: The client's name, on which its random numbers depend.
    ///   - threads: How many threads a trainer computes with.
    package init(library: ModelLibrary, data: URL, client: String, threads: Int) {
        self.library = library
        self.data = data
        self.client = client
        self.threads = threads
    }

    package func trainer(for order: WorkOrder) async throws -> ResidentModel {
        let assignment = order.assignment
        if let resident, resident.digest == assignment.modelDigest { return resident }
        // The old model goes first: a silo that has room for one need not have it for two.
        resident = nil
        let directory = try await library.directory(for: assignment.model, digest: assignment.modelDigest) {
            directory in
            try await digest(of: directory)
        }
        let trainer = try NativeTrainer(model: directory, data: data, client: client, threads: threads)
        let model = ResidentModel(digest: assignment.modelDigest, trainer: trainer, tasks: trainer.tasks)
        resident = model
        return model
    }

    /// The digest of a model's weights, or `nil` when there are none; computed again when the file has changed.
    private func digest(of directory: URL) async throws -> ContentDigest? {
        let weights = directory.appendingPathComponent("model.safetensors")
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: weights.path),
            let modified = attributes[.modificationDate] as? Date, let byteCount = attributes[.size] as? Int
        else { return nil }
        if let known = hashed[directory], known.modified == modified, known.byteCount == byteCount {
            return known.digest
        }
        let digest = try await ModelDigest.of(directory: directory)
        hashed[directory] = Hashed(modified: modified, byteCount: byteCount, digest: digest)
        return digest
    }
}
