import LinearAlgebra

/// Finds the logits of texts, on several threads.
struct EvaluationPass: Sendable {
    private let model: BertModel
    /// One for each thread.
    private var workspaces: [BertWorkspace]

    /// How many tokens go through the model together: enough for full speed, few enough to stay in the cache.
    private static let tokensPerPass = 512

    init(model: BertModel, threads: Int) {
        self.model = model
        workspaces = Array(
            repeating: BertWorkspace(layerCount: model.layers.count, recording: false),
            count: max(threads, 1)
        )
    }

    /// Returns the logits of the texts in `rows`, in their order.
    ///
    /// - Throws: `CancellationError` when the task is cancelled between two passes.
    mutating func logits(
        of rows: [Int],
        from corpus: TextCorpus,
        maximumLength: Int,
        adapter: ActiveAdapter
    ) throws -> [[Float]] {
        let passes = passes(over: rows, of: corpus, maximumLength: maximumLength)
        let (model, threads) = (model, workspaces.count)
        var found = [[Float]](repeating: [], count: rows.count)
        for first in stride(from: 0, to: passes.count, by: threads) {
            try Task.checkCancellation()
            let active = min(threads, passes.count - first)
            Concurrency.forEach(in: &workspaces, threads: threads) { index, workspace in
                guard index < active else { return }
                var texts = PackedTexts()
                for place in passes[first + index] {
                    texts.append(corpus.text(rows[place], maximumLength: maximumLength))
                }
                model.run(texts, adapter: adapter, in: &workspace)
            }
            for index in 0..<active {
                let (places, logits) = (passes[first + index], workspaces[index].head.logits)
                let width = logits.count / places.count
                for (row, place) in places.enumerated() {
                    found[place] = Array(logits[row * width..<(row + 1) * width])
                }
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
