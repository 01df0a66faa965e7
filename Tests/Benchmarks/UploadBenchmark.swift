import Crypto
import Foundation
import Transport
import WireProtocol

/// How fast an update travels: framing, TLS 1.3 with both sides authenticated, hashing and fsync included; and what each of
/// these could do alone.
enum UploadBenchmark: Benchmark {
    static let name = "upload"
    private static let byteCount = 200_000_000
    private static let runs = 5

    static func run() async throws -> [Row] {
        try await withScratchFolder { folder in
            let source = try PayloadStore(directory: folder.appendingPathComponent("client"))
            let bytes = randomBytes()
            let digest = try await source.insert(bytes)
            let memory = URL(fileURLWithPath: "/dev/shm/benchmark-\(UUID().uuidString)", isDirectory: true)
            defer { try? FileManager.default.removeItem(at: memory) }

            // Disk and upload in turn, because other programs use the disk, too.
            var (disk, upload): ([Double], [Double]) = ([], [])
            for turn in 0..<3 {
                disk.append(
                    try Measurement.median(of: runs) {
                        try writeDurably(bytes, to: folder.appendingPathComponent("plain"))
                    }
                )
                upload.append(
                    try await UploadRoute(keepingIn: folder.appendingPathComponent("server-\(turn)"))
                        .median(of: runs, sending: digest, byteCount: byteCount, from: source)
                )
            }
            let (diskSeconds, uploadSeconds) = (disk.sorted()[1], upload.sorted()[1])
            let inMemory = UploadRoute(keepingIn: memory)
            let memorySeconds =
                try await inMemory.median(of: runs, sending: digest, byteCount: byteCount, from: source)
            let processor = ProcessorTime.now
            _ = try await inMemory.median(of: runs, sending: digest, byteCount: byteCount, from: source)
            let processorSeconds = (ProcessorTime.now - processor) / Double((runs + 1) * byteCount)
            let tls = try await UploadRoute(keepingIn: nil)
                .median(of: runs, sending: digest, byteCount: byteCount, from: source)
            let hashing = Measurement.median(of: runs) { SHA256.hash(data: bytes) }
            return [
                Row(
                    "200 MB over mutual TLS on loopback, hashed and fsynced",
                    figure: rate(uploadSeconds),
                    yardstick: "\(rate(diskSeconds)) written and fsynced without network",
                    ratio: (diskSeconds / uploadSeconds).times
                ),
                Row(
                    "the same with the state directory in memory",
                    figure: rate(memorySeconds),
                    yardstick: "\(rate(tls)) received and thrown away; SHA-256 of one thread \(rate(hashing))",
                    ratio: (tls / memorySeconds).times
                ),
                Row(
                    "processor time of it, both ends",
                    figure: (processorSeconds * 1e9).formatted(unit: "s/GB"),
                    yardstick: "\((hashing / Double(byteCount) * 1e9).formatted(unit: "s/GB")) of it SHA-256"
                ),
            ]
        }
    }

    /// How long a byte takes, in seconds, for comparisons with what else a round does.
    static func secondsPerByte() async throws -> Double {
        try await withScratchFolder { folder in
            let source = try PayloadStore(directory: folder.appendingPathComponent("client"))
            let digest = try await source.insert(randomBytes())
            return try await UploadRoute(keepingIn: folder.appendingPathComponent("server"))
                .median(of: 3, sending: digest, byteCount: byteCount, from: source)
        } / Double(byteCount)
    }

    private static func rate(_ seconds: Double) -> String {
        (Double(byteCount) / seconds * 1e-6).formatted(unit: "MB/s")
    }

    private static func randomBytes() -> Data {
        var generator = SystemRandomNumberGenerator()
        return Data((0..<byteCount / 8).flatMap { _ in withUnsafeBytes(of: generator.next(), Array.init) })
    }

    /// The machine's own limit: the same bytes, from memory to disk.
    private static func writeDurably(_ bytes: Data, to file: URL) throws {
        try Data().write(to: file)
        let handle = try FileHandle(forWritingTo: file)
        let piece = 1 << 20
        for start in stride(from: 0, to: bytes.count, by: piece) {
            try handle.write(contentsOf: bytes[start..<min(start + piece, bytes.count)])
        }
        try handle.synchronize()
        try handle.close()
        try FileManager.default.removeItem(at: file)
    }
}
