package import Adapters

/// Names an adapter's payload: the bytes of its safetensors file, and what is needed to read them as an adapter.
///
/// The tensors alone do not say how their product is scaled, so rank, α and rsLoRA travel beside the digest.
package struct AdapterReference: Hashable, Sendable, Codable {
    /// The SHA-256 of the safetensors file.
    package let digest: ContentDigest
    /// The length of the safetensors file in bytes.
    package let byteCount: Int
    /// The rank of every adapted layer.
    package let rank: Int
    package let alpha: Double
    package let usesRankStabilizedScaling: Bool

    package init(
        digest: ContentDigest,
        byteCount: Int,
        rank: Int,
        alpha: Double,
        usesRankStabilizedScaling: Bool = false
    ) {
        self.digest = digest
        self.byteCount = byteCount
        self.rank = rank
        self.alpha = alpha
        self.usesRankStabilizedScaling = usesRankStabilizedScaling
    }
}

extension AdapterReference {
    /// How the layers of the payload are scaled.
    package var scale: AdapterPayload.Scale {
        .init(rank: rank, alpha: alpha, usesRankStabilizedScaling: usesRankStabilizedScaling)
    }
}
