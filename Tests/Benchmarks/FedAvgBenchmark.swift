import Adapters
import Aggregation
import LinearAlgebra

/// How fast clients' bytes are averaged, the check of every value included.
enum FedAvgBenchmark: Benchmark {
    static let name = "fedavg"

    static func run() throws -> [Row] {
        let copyRate = Machine.copyRate()
        let cohort = RandomCohort(size: 4096, layers: 32, clients: 6, rank: 16, globalRank: 16)
        let values = cohort.global.modules.values.reduce(0) { $0 + $1.a.count + $1.b.count }
        let bytes = Double(values * MemoryLayout<Float>.size * cohort.updates.count)
        return try [1, Concurrency.processorCount].map { threads in
            let time = try Measurement.median {
                try CohortAggregation(strategy: FedAvg(threads: threads))
                    .nextGlobal(from: cohort.global, updates: cohort.updates)
            }
            return Row(
                "FedAvg of 6 clients of \((values * 4) >> 20) MiB in memory, \(threads) thread\(threads == 1 ? "" : "s")",
                figure: (bytes / time * 1e-9).formatted(unit: "GB/s of client bytes"),
                yardstick: (copyRate * 1e-9).formatted(unit: "GB/s copied by memcpy, one thread"),
                ratio: (bytes / time / copyRate).times
            )
        }
    }
}
