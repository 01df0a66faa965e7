import LinearAlgebra

/// Finds the loss and the gradient of a mini-batch, on several threads.
///
/// Everything that a step writes is kept for the next one.
struct TrainingPass: Sendable {
    private var workers: [Worker]

    init(model: any LanguageModel, threads: Int) {
        workers = (0..<max(threads, 1)).map { _ in Worker(model.worker(recording: true)) }
    }

    /// How many shards may be on their way at once; each holds a gradient of its own until it is added.
    private static let waveSize = 8

    /// Returns the mean loss over all targets, and leaves its gradient in `gradient`.
    ///
    /// The gradient is the sum over shards in their order, whichever thread did which.
    mutating func run(_ shards: [TrainingBatch], adapter: ActiveAdapter, gradient: inout [Float]) -> Double {
        let targetCount = shards.reduce(0) { $0 + $1.targetCount }
        var loss = 0.0
        gradient.resize(to: adapter.layout.count)
        gradient.clear()
        for first in stride(from: 0, to: shards.count, by: Self.waveSize) {
            let wave = first..<min(first + Self.waveSize, shards.count)
            loss += run(shards, in: wave, weight: 1 / Double(targetCount), adapter: adapter, gradient: &gradient)
        }
        return loss / Double(targetCount)
    }

    /// Returns the sum of the losses of the shards in `wave`, and adds their gradients.
    private mutating func run(
        _ shards: [TrainingBatch],
        in wave: Range<Int>,
        weight: Double,
        adapter: ActiveAdapter,
        gradient: inout [Float]
    ) -> Double {
        let workerCount = workers.count
        Concurrency.forEach(in: &workers, threads: workerCount) { index, worker in
            for (place, offset) in stride(from: index, to: wave.count, by: workerCount).enumerated() {
                let shard = wave.lowerBound + offset
                var adapter = adapter
                // Each shard's masks are its own.
                adapter.dropout?.seed &+= UInt64(shard) &* 0xA24B_AED4_963E_E407
                worker.run(shards[shard], place: place, weight: weight, adapter: adapter)
            }
        }
        return wave.indices.reduce(0) { loss, shard in
            let offset = shard - wave.lowerBound
            let result = workers[offset % workerCount].results[offset / workerCount]
            gradient.add(result.gradient)
            return loss + result.loss
        }
    }

    /// The buffers of one thread.
    private struct Worker: Sendable {
        /// What a shard contributes.
        struct Result: Sendable {
            /// The sum of its targets' losses.
            var loss = 0.0
            var gradient: [Float] = []
        }

        private var model: any ModelWorker
        /// One for each shard that the thread does in a wave.
        var results: [Result] = []

        init(_ model: any ModelWorker) { self.model = model }

        mutating func run(_ shard: TrainingBatch, place: Int, weight: Double, adapter: ActiveAdapter) {
            if place == results.count { results.append(Result()) }
            results[place].gradient.resize(to: adapter.layout.count)
            results[place].gradient.clear()
            results[place].loss = model.differentiate(
                shard,
                weight: weight,
                adapter: adapter,
                addingTo: &results[place].gradient
            )
        }
    }
}
