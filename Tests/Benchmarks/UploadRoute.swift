import Foundation
import Logging
import NIOCore
import Transport
import WireProtocol

/// The way of a payload from a store over loopback TLS into another one, within this process.
struct UploadRoute {
    /// Where the payload is kept; `nil` to throw it away as it comes.
    private let folder: URL?

    init(keepingIn folder: URL?) {
        self.folder = folder
    }

    /// Sends a payload several times over one connection, and returns how long it takes until it is durable, in seconds.
    func median(
        of runs: Int,
        sending digest: PayloadDigest,
        byteCount: Int,
        from source: PayloadStore
    ) async throws -> Double {
        let credentials = try LoopbackCredentials()
        let target = try folder.map { try PayloadStore(directory: $0) }
        let logger = Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() }
        let (bound, boundContinuation) = AsyncStream.makeStream(of: BoundAddress.self)
        let (arrived, arrivedContinuation) = AsyncStream.makeStream(of: Result<Void, any Error>.self)
        let listener = Task {
            try await FederationListener(host: "127.0.0.1", port: 0, credentials: credentials.server, logger: logger)
                .run(
                    onBound: { boundContinuation.yield($0) },
                    handle: { connection in
                        do {
                            let executor = PayloadExecutor(label: "benchmark.payloads")
                            try await withTaskExecutorPreference(executor.tasks) {
                                try await receive(digest, byteCount, over: connection, into: target, on: executor) {
                                    arrivedContinuation.yield(.success(()))
                                }
                            }
                        } catch {
                            arrivedContinuation.yield(.failure(error))
                        }
                    }
                )
        }
        defer { listener.cancel() }
        guard let address = await bound.first(where: { _ in true }) else {
            try await listener.value
            return 0
        }
        return try await FederationDialer.withConnection(
            host: "127.0.0.1",
            port: address.port,
            credentials: credentials.client,
            logger: logger
        ) { connection in
            let sender = PayloadSender(store: source)
            return try await Measurement.median(of: runs) {
                try await sender.send(digest, from: 0, over: connection)
                try await arrived.first { _ in true }?.get()
            }
        }
    }

    /// Takes payloads off the connection, each into a store that has room for it again.
    private func receive(
        _ digest: PayloadDigest,
        _ byteCount: Int,
        over connection: FrameConnection,
        into store: PayloadStore?,
        on executor: PayloadExecutor,
        onArrival: () -> Void
    ) async throws {
        var current: PayloadReceiver?
        var remaining = byteCount
        for try await frame in connection.inbound {
            guard case .chunk(let chunk) = frame else { continue }
            if current == nil, let store {
                let size = UInt64(byteCount)
                current = try await store.beginReceiving(digest, byteCount: size, maximum: size, on: executor)
            }
            try await current?.append(chunk.bytes, at: chunk.offset)
            remaining -= chunk.bytes.readableBytes
            guard remaining == 0 else { continue }
            try await current?.finish()
            try store?.remove(digest)
            (current, remaining) = (nil, byteCount)
            onArrival()
        }
    }
}
