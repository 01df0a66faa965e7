/// Texts with what a model is expected to say of them: a label of each, or each of their tokens but the first.
struct TrainingBatch: Sendable {
    private(set) var texts = PackedTexts()
    /// One a text; none when the targets are the next tokens.
    private(set) var labels: [Int32] = []

    /// Appends a text with its label.
    mutating func append(_ text: some Collection<Int32>, label: Int32) {
        texts.append(text)
        labels.append(label)
    }

    /// Appends a text of at least two tokens, whose tokens are predicted.
    mutating func append(_ text: some Collection<Int32>) {
        precondition(text.count > 1, "a text without a next token")
        texts.append(text)
    }

    /// How many losses the batch has.
    var targetCount: Int { labels.isEmpty ? texts.tokenCount - texts.count : labels.count }

    /// Deals rows of a corpus out to shards of about equal cost, which can run side by side.
    ///
    /// How many shards there are depends on the tokens alone and not on the number of threads: gradients are summed shard
    /// by shard, so any number of threads gives the same bits.
    ///
    /// - Parameters:
    ///   - rows: The rows of one mini-batch.
    ///   - corpus: Where they are found.
    ///   - labels: The label of each row of the corpus; `nil` when the targets are the next tokens.
    ///   - maximumLength: Longer texts are cut to so many tokens.
    /// - Returns: The shards, none of them empty.
    static func shards(
        of rows: [Int],
        from corpus: TextCorpus,
        labels: [Int32]?,
        maximumLength: Int
    ) -> [TrainingBatch] {
        let lengths = rows.map { corpus.length(of: $0, maximumLength: maximumLength) }
        let count = shardCount(tokens: lengths.reduce(0, +), texts: rows.count)
        var shards = [TrainingBatch](repeating: TrainingBatch(), count: count)
        // The longest first, each to the shard with the fewest tokens so far.
        for index in rows.indices.sorted(by: { (lengths[$1], $0) < (lengths[$0], $1) }) {
            let least = shards.indices.min { shards[$0].texts.tokenCount < shards[$1].texts.tokenCount } ?? 0
            let text = corpus.text(rows[index], maximumLength: maximumLength)
            if let labels {
                shards[least].append(text, label: labels[rows[index]])
            } else {
                shards[least].append(text)
            }
        }
        return shards
    }

    /// A power of two, so that two or four threads are kept busy.
    ///
    /// Each shard goes over all weights, so more and smaller ones cost more work in all; but two are worth it early, and
    /// large ones would need large buffers.
    private static func shardCount(tokens: Int, texts: Int) -> Int {
        var count = 1
        while count * 2 <= texts, tokens >= count * 2 * (count == 1 ? 96 : 256) { count *= 2 }
        return count
    }
}
