import Foundation
import Logging
import NIOCore
import Transport
import WireProtocol

/// How fast an update travels: framing, TLS 1.3 with both sides authenticated, hashing and fsync included.
enum UploadBenchmark: Benchmark {
    static let name = "upload"
    private static let byteCount = 200_000_000

    static func run() async throws -> [Row] {
        try await withScratchFolder { folder in
            let disk = try Measurement.median(of: 5) { try writeDurably(to: folder.appendingPathComponent("plain")) }
            let upload = try await median(of: 5, in: folder)
            return [
                Row(
                    "200 MB over mutual TLS on loopback, hashed and fsynced",
                    figure: rate(upload),
                    yardstick: "\(rate(disk)) written and fsynced without network",
                    ratio: (disk / upload).times
                )
            ]
        }
    }

    /// How long a byte takes, in seconds, for comparisons with what else a round does.
    static func secondsPerByte() async throws -> Double {
        try await withScratchFolder { try await median(of: 3, in: $0) } / Double(byteCount)
    }

    private static func rate(_ seconds: Double) -> String {
        (Double(byteCount) / seconds * 1e-6).formatted(unit: "MB/s")
    }

    /// The machine's own limit: the same bytes, from memory to disk.
    private static func writeDurably(to file: URL) throws {
        try Data().write(to: file)
        let handle = try FileHandle(forWritingTo: file)
        let piece = Data(repeating: 7, count: 1 << 20)
        for start in stride(from: 0, to: byteCount, by: piece.count) {
            try handle.write(contentsOf: piece.prefix(min(piece.count, byteCount - start)))
        }
        try handle.synchronize()
        try handle.close()
        try FileManager.default.removeItem(at: file)
    }

    /// Sends a payload to a listener in this process, several times over one connection.
    private static func median(of runs: Int, in folder: URL) async throws -> Double {
        let authority = try CertificateAuthority.create(name: "Benchmark", now: .now)
        let (serverKey, clientKey) = (NodeKey(), NodeKey())
        let server = try ServerCredentials(
            certificate: authority.issueServer(hosts: ["127.0.0.1"], publicKey: serverKey.publicKey, now: .now),
            key: serverKey,
            authority: authority.certificate
        )
        let client = try ClientCredentials(
            certificate: authority.issueClient(name: "silo", publicKey: clientKey.publicKey, now: .now),
            key: clientKey,
            authority: authority.certificate
        )
        let source = try PayloadStore(directory: folder.appendingPathComponent("client"))
        let target = try PayloadStore(directory: folder.appendingPathComponent("server"))
        var generator = SystemRandomNumberGenerator()
        let digest = try await source.insert(
            Data((0..<byteCount / 8).flatMap { _ in withUnsafeBytes(of: generator.next(), Array.init) })
        )
        let logger = Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() }
        let (bound, boundContinuation) = AsyncStream.makeStream(of: BoundAddress.self)
        let (arrived, arrivedContinuation) = AsyncStream.makeStream(of: Result<Void, any Error>.self)
        let listener = Task {
            try await FederationListener(host: "127.0.0.1", port: 0, credentials: server, logger: logger).run(
                onBound: { boundContinuation.yield($0) },
                handle: { connection in
                    do {
                        try await receive(digest, over: connection, into: target) {
                            arrivedContinuation.yield(.success(()))
                        }
                    } catch {
                        arrivedContinuation.yield(.failure(error))
                    }
                }
            )
        }
        defer { listener.cancel() }
        guard let address = await bound.first(where: { _ in true }) else { try await listener.value; return 0 }
        return try await FederationDialer.withConnection(
            host: "127.0.0.1",
            port: address.port,
            credentials: client,
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
    private static func receive(
        _ digest: PayloadDigest,
        over connection: FrameConnection,
        into store: PayloadStore,
        onArrival: () -> Void
    ) async throws {
        var current: PayloadReceiver?
        var remaining = byteCount
        for try await frame in connection.inbound {
            guard case .chunk(let chunk) = frame else { continue }
            let receiver: PayloadReceiver
            if let current {
                receiver = current
            } else {
                let size = UInt64(byteCount)
                receiver = try await store.beginReceiving(digest, byteCount: size, maximum: size)
                current = receiver
            }
            try await receiver.append(chunk.bytes, at: chunk.offset)
            remaining -= chunk.bytes.readableBytes
            guard remaining == 0 else { continue }
            try await receiver.finish()
            try store.remove(digest)
            (current, remaining) = (nil, byteCount)
            onArrival()
        }
    }
}
