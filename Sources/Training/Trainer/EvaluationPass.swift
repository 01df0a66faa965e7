import LinearAlgebra

/// Finds what a model says of texts, on several threads.
struct EvaluationPass: Sendable {
    /// One for each thread, with what it found last.
    private var workers: [(model: any ModelWorker, outputs: [TextOutput])]

    /// How many tokens go through the model together: enough for full speed, few enough to stay in the cache.
    private static let tokensPerPass = 512

    init(model: any LanguageModel, threads: Int) {
        workers = (0..<max(threads, 1)).map { _ in (model.worker(recording: false), []) }
    }

    /// Returns what the model says of the texts in `rows`, in their order.
    ///
    /// - Throws: `CancellationError` when the task is cancelled between two passes.
    mutating func outputs(
        of rows: [Int],
        from corpus: TextCorpus,
        maximumLength: Int,
        adapter: ActiveAdapter
    ) throws -> [TextOutput] {
        let passes = passes(over: rows, of: corpus, maximumLength: maximumLength)
        let threads = workers.count
        var found = [TextOutput](repeating: .logits([]), count: rows.count)
        for first in stride(from: 0, to: passes.count, by: threads) {
            try Task.checkCancellation()
            let active = min(threads, passes.count - first)
            Concurrency.forEach(in: &workers, threads: threads) { index, worker in
                guard index < active else { return }
                var texts = PackedTexts()
                for place in passes[first + index] {
                    texts.append(corpus.text(rows[place], maximumLength: maximumLength))
                }
                worker.outputs = worker.model.judge(texts, adapter: adapter)
            }
            for index in 0..<active {
                for (place, output) in zip(passes[first + index], workers[index].outputs) { found[place] = output }
            }
        }
        return found
    }

    /// Divides the places of `rows` into passes, texts of like length together.
    private func passes(over rows: [Int], of corpus: TextCorpus, maximumLength: Int) -> [[Int]] {
        let lengths = rows.map { corpus.length(of: $0, maximumLength: maximumLength) }
        var passes: [[Int]] = []
        var tokens = Self.tokensPerPass
        for place in rows.indices.sorted(by: { (lengths[$0], $0) < (lengths[$1], $1) }) {
            if tokens + lengths[place] > Self.tokensPerPass {
                passes.append([])
                tokens = 0
            }
            passes[passes.count - 1].append(place)
            tokens += lengths[place]
        }
        return passes
    }
}
