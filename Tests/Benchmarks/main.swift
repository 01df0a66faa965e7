import LinearAlgebra

// Usage: ENABLE_BENCHMARKS=1 swift run -c release TributaryBenchmarks [NAME…]

BLASThreads.useCallingThreadOnly()

let benchmarks: [any Benchmark.Type] = [
    FlexLoRABenchmark.self,
    FedAvgBenchmark.self,
    TrainingBenchmark.self,
    FusingBenchmark.self,
    ParityBenchmark.self,
    PrivacyBenchmark.self,
    DecoderBenchmark.self,
    SimulatedRoundBenchmark.self,
    UploadBenchmark.self,
    HandshakeBenchmark.self,
    RoundBenchmark.self,
    CommandTrainerBenchmark.self,
    SimulationBenchmark.self,
    PublishedRouteBenchmark.self,
]

let words = CommandLine.arguments.dropFirst()
print(Report.header(processors: Concurrency.processorCount))
for benchmark in benchmarks
where words.contains(where: { benchmark.name.contains($0) }) || (words.isEmpty && !benchmark.isLong) {
    print(Report.table(benchmark.name, try await benchmark.run()))
}
