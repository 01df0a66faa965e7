import LinearAlgebra

/// Finds the loss and the gradient of a mini-batch, on several threads.
///
/// Everything that a step writes is kept for the next one.
struct TrainingPass: Sendable {
    private let model: BertModel
    private var workers: [Worker]

    init(model: BertModel, threads: Int) {
        self.model = model
        workers = Array(
            repeating: Worker(workspace: BertWorkspace(layerCount: model.layers.count, recording: true)),
            count: max(threads, 1)
        )
    }

    /// How many shards may be on their way at once; each holds a gradient of its own until it is added.
    private static let waveSize = 8

    /// Returns the mean loss over all texts, and leaves its gradient in `gradient`.
    ///
    /// The gradient is the sum over shards in their order, whichever thread did which.
    mutating func run(_ shards: [LabelledBatch], adapter: ActiveAdapter, gradient: inout [Float]) -> Double {
        let textCount = shards.reduce(0) { $0 + $1.labels.count }
        var loss = 0.0
        gradient.resize(to: adapter.layout.count)
        gradient.clear()
        for first in stride(from: 0, to: shards.count, by: Self.waveSize) {
            let wave = first..<min(first + Self.waveSize, shards.count)
            loss += run(shards, in: wave, weight: 1 / Double(textCount), adapter: adapter, gradient: &gradient)
        }
        return loss / Double(textCount)
    }

    /// Returns the sum of the losses of the shards in `wave`, and adds their gradients.
    private mutating func run(
        _ shards: [LabelledBatch],
        in wave: Range<Int>,
        weight: Double,
        adapter: ActiveAdapter,
        gradient: inout [Float]
    ) -> Double {
        let (model, workerCount) = (model, workers.count)
        Concurrency.forEach(in: &workers, threads: workerCount) { index, worker in
            for (place, offset) in stride(from: index, to: wave.count, by: workerCount).enumerated() {
                let shard = wave.lowerBound + offset
                var adapter = adapter
                // Each shard's masks are its own.
                adapter.dropout?.seed &+= UInt64(shard) &* 0xA24B_AED4_963E_E407
                worker.run(shards[shard], place: place, weight: weight, model: model, adapter: adapter)
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
            /// The sum of its texts' losses.
            var loss = 0.0
            var gradient: [Float] = []
        }

        var workspace: BertWorkspace
        /// One for each shard that the thread does in a wave.
        var results: [Result] = []
        private var logitsGradient: [Float] = []

        init(workspace: BertWorkspace) { self.workspace = workspace }

        mutating func run(
            _ shard: LabelledBatch,
            place: Int,
            weight: Double,
            model: BertModel,
            adapter: ActiveAdapter
        ) {
            if place == results.count { results.append(Result()) }
            model.run(shard.texts, adapter: adapter, in: &workspace)
            results[place].loss = CrossEntropy.losses(
                of: workspace.head.logits,
                labels: shard.labels,
                weight: weight,
                gradient: &logitsGradient
            )
            results[place].gradient.resize(to: adapter.layout.count)
            results[place].gradient.clear()
            model.propagate(
                logitsGradient,
                through: shard.texts,
                adapter: adapter,
                in: &workspace,
                adding: &results[place].gradient
            )
        }
    }
}
