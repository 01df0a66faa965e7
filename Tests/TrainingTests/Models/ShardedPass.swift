import LinearAlgebra

@testable import Training

/// One mini-batch there and back, its shards spread over threads.
struct ShardedPass {
    private var passes: [TrainingPass]

    init(model: any LanguageModel, threads: Int) {
        passes = (0..<threads).map { _ in TrainingPass(model: model) }
    }

    /// Returns the mean loss over all targets, and leaves its gradient in `gradient`.
    mutating func run(_ shards: [TrainingBatch], adapter: ActiveAdapter, gradient: inout [Float]) -> Double {
        let targetCount = shards.reduce(0) { $0 + $1.targetCount }
        let count = passes.run(
            shards.enumerated().map { index, shard in
                var own = adapter
                own.dropout?.seed &+= UInt64(index) &* 0xA24B_AED4_963E_E407
                return TrainingSegment(batch: shard, weight: 1 / Double(targetCount), adapter: own)
            }
        )
        var loss = 0.0
        var sum = [Float](repeating: 0, count: adapter.layout.count)
        for segment in 0..<count {
            passes.withResult(of: segment) { own, found in
                loss += own
                for index in found.indices { sum[index] += found[index] }
            }
        }
        gradient = sum
        return loss / Double(targetCount)
    }
}
