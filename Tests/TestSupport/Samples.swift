package import Aggregation
package import FederatedLearning

extension JobID {
    /// A job that tests speak of.
    package static let sample = JobID(rawValue: "6f1c0d0a-0000-4000-8000-000000000001")
}

extension ClientID: ExpressibleByStringLiteral {
    package init(stringLiteral name: String) { self.init(name) }
}

extension AdapterReference {
    /// A reference whose digest is that of the one byte `content`.
    package static func sample(_ content: UInt8, rank: Int = 4, alpha: Double = 8) -> AdapterReference {
        AdapterReference(digest: ContentDigest(hashing: [content]), byteCount: 1, rank: rank, alpha: alpha)
    }
}

extension UpdateOffer {
    /// An offer of `client` for a training round of ``JobID/sample``.
    package static func sample(_ client: ClientID, round: Int, content: UInt8 = 1, rank: Int = 4) -> UpdateOffer {
        UpdateOffer(
            client: client,
            order: WorkOrder.ID(job: .sample, round: round, kind: .train),
            adapter: .sample(content, rank: rank),
            exampleCount: 10,
            metrics: ["loss": 0.5]
        )
    }
}
