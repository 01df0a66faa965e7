internal import Crypto
package import Foundation

/// The SHA-256 of a base model's weights, by which both sides of a job know that they mean the same model.
package enum ModelDigest {
    private static let chunkBytes = 1 << 20

    /// Hashes `model.safetensors` in a Hugging Face directory, a mebibyte at a time.
    ///
    /// - Throws: ``FederatedLearningError/baseModel(path:reason:)`` when the file is missing or cannot be read.
    @concurrent
    package static func of(directory: URL) async throws -> ContentDigest {
        let url = directory.appendingPathComponent("model.safetensors")
        do {
            let file = try FileHandle(forReadingFrom: url)
            defer { try? file.close() }
            var hash = SHA256()
            while let chunk = try file.read(upToCount: chunkBytes), !chunk.isEmpty {
                hash.update(data: chunk)
                try Task.checkCancellation()
            }
            return ContentDigest(hash.finalize())
        } catch let error as CancellationError {
            throw error
        } catch {
            throw FederatedLearningError.baseModel(path: url.path, reason: error.localizedDescription)
        }
    }
}
