import NIOCore
package import WireProtocol

/// Streams a stored payload as chunk frames.
package struct PayloadSender: Sendable {
    private let store: PayloadStore
    private let chunkBytes: Int

    /// Makes a sender that cuts payloads into chunks.
    ///
    /// - Parameters:
    ///   - store: Where the payloads are.
    ///   - chunkBytes: How many bytes go into a chunk; at most what the other side announced.
    package init(store: PayloadStore, chunkBytes: Int = FrameLimits.defaultChunkBytes) {
        precondition(
            chunkBytes >= FrameLimits.smallestInnerChunkBytes,
            "chunks of \(chunkBytes) bytes would be refused"
        )
        self.store = store
        self.chunkBytes = chunkBytes
    }

    /// Sends a payload from `offset` to its end, as fast as the other side reads.
    ///
    /// - Parameters:
    ///   - digest: Names the payload.
    ///   - offset: Where the other side's copy ends.
    ///   - connection: Where to send it.
    /// - Throws: ``PayloadError`` when the payload cannot be read, ``TransportError`` when the connection ends, and
    ///   `CancellationError`.
    package func send(
        _ digest: PayloadDigest,
        from offset: UInt64,
        over connection: FrameConnection
    ) async throws {
        let reader = try await store.openReader(of: digest, from: offset)
        try await withTaskExecutorPreference(reader.executor.tasks) {
            var position = offset
            while position < reader.byteCount {
                try Task.checkCancellation()
                let bytes = try await reader.read(atMost: chunkBytes)
                try await connection.send(.chunk(Chunk(digest: digest, offset: position, bytes: bytes)))
                position += UInt64(bytes.readableBytes)
            }
        }
    }
}
