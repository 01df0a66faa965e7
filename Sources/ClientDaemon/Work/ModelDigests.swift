package import FederatedLearning
package import Foundation

/// The digests of base models on this machine, computed again when their files have changed.
package actor ModelDigests {
    /// A digest, and the state of the weights file that it was computed from.
    private struct Hashed {
        let stamp: FileStamp
        let digest: ContentDigest
    }

    private var hashed: [URL: Hashed] = [:]

    package init() {}

    /// The digest of a model's weights, or `nil` when there are none.
    package func digest(of directory: URL) async throws -> ContentDigest? {
        let weights = directory.appendingPathComponent("model.safetensors")
        guard let stamp = FileStamp(of: weights) else { return nil }
        if let known = hashed[directory], known.stamp == stamp { return known.digest }
        let digest = try await ModelDigest.of(directory: directory)
        hashed[directory] = Hashed(stamp: stamp, digest: digest)
        return digest
    }
}
