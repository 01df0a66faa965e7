import Adapters
import Aggregation
import Foundation
import LinearAlgebra

/// How fast clients' payloads are averaged from the page cache, every value checked, and what memory it takes.
enum FedAvgBenchmark: Benchmark {
    static let name = "fedavg"

    /// 32 MiB an adapter: 16 layers' query, key, value and output.
    private static let modules = 64
    private static let rank = 16
    private static let width = 4_096

    /// How many payloads lie on the disk; larger cohorts map them again, each client with a mapping of its own.
    private static let files = 16

    static func run() async throws -> [Row] {
        try await withScratchFolder { folder in
            let paths = try (0..<files).map { index in
                let path = folder.appendingPathComponent("\(index).safetensors")
                try write(adapter(seed: UInt64(index)), to: path)
                return path.path
            }
            let yardsticks = [1, Concurrency.processorCount].map { threads in
                (threads: threads, read: Machine.readRate(threads: threads), copy: Machine.copyRate(threads: threads))
            }
            var rows: [Row] = []
            for (clients, runs) in [(4, 7), (64, 3), (1_024, 1)] {
                for yardstick in yardsticks where yardstick.threads > 1 || clients == 64 {
                    rows.append(try row(clients, runs: runs, paths: paths, yardstick: yardstick))
                }
            }
            return rows
        }
    }

    private static func row(
        _ clients: Int,
        runs: Int,
        paths: [String],
        yardstick: (threads: Int, read: Double, copy: Double)
    ) throws -> Row {
        let adapterBytes = Double(modules * 2 * rank * width * MemoryLayout<Float>.size)
        let aggregation = CohortAggregation(strategy: FedAvg(), threads: yardstick.threads)
        let before = Machine.resetPeakMemory()
        let global = adapter(seed: 99)
        let time = try Measurement.median(of: runs) {
            try aggregation.nextGlobal(from: global, updates: updates(clients, of: paths))
        }
        let peak = Machine.peakMemory() - before
        let rate = Double(clients) * adapterBytes / time
        let limit = 2.5 * adapterBytes + Double(64 << 20)
        let mebibytes = { (bytes: Double) in String(format: "%.0f MiB", bytes / Double(1 << 20)) }
        return Row(
            "FedAvg of \(clients) mapped payloads of \(mebibytes(adapterBytes)), \(threads(yardstick.threads))",
            figure: (rate * 1e-9).formatted(unit: "GB/s of client bytes, peak ") + mebibytes(peak),
            yardstick: "\((yardstick.read * 1e-9).formatted(unit: "GB/s read")), "
                + "\((yardstick.copy * 1e-9).formatted(unit: "GB/s copied")); bars 8 GB/s and \(mebibytes(limit))",
            ratio: "\((rate / yardstick.read).times) of reading"
        )
    }

    private static func threads(_ count: Int) -> String { count == 1 ? "1 thread" : "\(count) threads" }

    /// Maps a payload for each client and reads its header, as the server does at the end of a round.
    private static func updates(_ clients: Int, of paths: [String]) throws -> [ClientUpdate] {
        let scale = AdapterPayload.Scale(rank: rank, alpha: Double(rank))
        return try (0..<clients).map { index in
            let file = try SafetensorsFile(path: paths[index % paths.count], limits: .payload(tensorCount: 2 * modules))
            return ClientUpdate(
                client: ClientID("client-\(index)"),
                weight: Double(1 + index % 7),
                adapter: try AdapterPayload.adapter(from: file, scale: scale)
            )
        }
    }

    private static func adapter(seed: UInt64) -> LoRAAdapter {
        let factors = Concurrency.map(modules) { index in
            var generator = CounterGenerator(seed: seed, stream: UInt64(index))
            return (0..<2 * rank * width).map { _ in Float(generator.uniform() - 0.5) }
        }
        let half = rank * width
        return LoRAAdapter(
            modules: Dictionary(
                uniqueKeysWithValues: factors.enumerated().map { index, values in
                    let a = Matrix(rows: rank, columns: width, elements: Array(values[..<half]))
                    let b = Matrix(rows: width, columns: rank, elements: Array(values[half...]))
                    return ("layer.\(index)", LoRAModule(a: a, b: b, alpha: Double(rank)))
                }
            )
        )
    }

    private static func write(_ adapter: LoRAAdapter, to path: URL) throws {
        try Data(AdapterPayload.bytes(of: adapter)).write(to: path)
    }
}
