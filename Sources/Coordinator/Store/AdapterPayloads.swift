package import Adapters
private import Crypto
package import FederatedLearning
package import Foundation
package import Transport
private import WireProtocol

/// Adapters as files of the payload folder.
package struct AdapterPayloads: Sendable {
    package let store: PayloadStore

    package init(store: PayloadStore) {
        self.store = store
    }

    /// Where a payload lies.
    package func file(of digest: ContentDigest) -> URL {
        store.url(of: PayloadDigest(digest))
    }

    /// Whether the bytes of a payload still have the digest that names it.
    func isIntact(_ digest: ContentDigest) throws -> Bool {
        try Self.digest(of: store.path(of: PayloadDigest(digest)), named: digest) == digest
    }

    /// Reads an adapter, after its bytes have shown the digest that names them.
    ///
    /// - Throws: ``StoredAdapterError``.
    @concurrent
    package func adapter(_ reference: AdapterReference) async throws -> LoRAAdapter {
        try read(reference) { (file) throws(AdapterError) in
            try AdapterPayload.adapter(from: file, scale: reference.scale)
        }
        .resident()
    }

    /// Opens what a client sent, after its bytes have shown the digest that names them.
    ///
    /// The elements stay in the file, which is mapped while the result lives.
    ///
    /// - Throws: ``StoredAdapterError``.
    @concurrent
    package func update(
        _ reference: AdapterReference,
        scope: UpdateScope,
        handed: LoRAAdapter
    ) async throws -> StoredAdapter {
        try read(reference) { (file) throws(AdapterError) in
            try AdapterPayload.update(from: file, scale: reference.scale, scope: scope, handed: handed)
        }
    }

    private func read(
        _ reference: AdapterReference,
        _ parse: (SafetensorsFile) throws(AdapterError) -> StoredAdapter
    ) throws -> StoredAdapter {
        let file = store.path(of: PayloadDigest(reference.digest))
        guard try Self.digest(of: file, named: reference.digest) == reference.digest else {
            throw StoredAdapterError.damaged(reference.digest)
        }
        do {
            let source = "the payload \(reference.digest)"
            return try parse(try SafetensorsFile(path: file, source: source, limits: .payload))
        } catch {
            throw StoredAdapterError.unreadable(reference.digest, reason: error.description)
        }
    }

    /// Keeps an adapter; durable when it returns.
    @concurrent
    package func keep(_ adapter: LoRAAdapter) async throws -> AdapterReference {
        // All layers are alike; an adapter without any is of another kind than LoRA.
        let module = adapter.modules.values.first
        var bytes = Data()
        let document = AdapterPayload.document(of: adapter)
        document.forEachPiece { bytes.append(contentsOf: $0) }
        let digest = try await store.insert(bytes)
        return AdapterReference(
            digest: ContentDigest(digest),
            byteCount: bytes.count,
            rank: module?.rank ?? 1,
            alpha: module?.alpha ?? 1,
            usesRankStabilizedScaling: module?.usesRankStabilizedScaling ?? false
        )
    }

    private static func digest(of file: String, named digest: ContentDigest) throws -> ContentDigest {
        guard let handle = FileHandle(forReadingAtPath: file) else { throw StoredAdapterError.missing(digest) }
        defer { try? handle.close() }
        var hash = SHA256()
        while let piece = try handle.read(upToCount: 1 << 20), !piece.isEmpty {
            hash.update(data: piece)
        }
        return ContentDigest(hash.finalize())
    }
}
