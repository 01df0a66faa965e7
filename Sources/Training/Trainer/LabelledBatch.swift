/// Texts with the labels that are expected for them.
struct LabelledBatch: Sendable {
    private(set) var texts = PackedTexts()
    private(set) var labels: [Int32] = []

    mutating func append(_ text: some Collection<Int32>, label: Int32) {
        texts.append(text)
        labels.append(label)
    }

    /// Deals rows of a corpus out to shards of about equal cost, which can run side by side.
    ///
    /// How many shards there are depends on the tokens alone and not on the number of threads: gradients are summed shard
    /// by shard, so any number of threads gives the same bits.
    ///
    /// - Parameters:
    ///   - rows: The rows of one mini-batch.
    ///   - corpus: Where they are found.
    ///   - labels: The label of each row of the corpus.
    ///   - maximumLength: Longer texts are cut to so many tokens.
    /// - Returns: The shards, none of them empty.
    static func shards(
        of rows: [Int],
        from corpus: TextCorpus,
        labels: [Int32],
        maximumLength: Int
    ) -> [LabelledBatch] {
        let lengths = rows.map { corpus.length(of: $0, maximumLength: maximumLength) }
        let count = shardCount(tokens: lengths.reduce(0, +), texts: rows.count)
        var shards = [LabelledBatch](repeating: LabelledBatch(), count: count)
        // The longest first, each to the shard with the fewest tokens so far.
        for index in rows.indices.sorted(by: { (lengths[$1], $0) < (lengths[$0], $1) }) {
            let least = shards.indices.min { shards[$0].texts.tokenCount < shards[$1].texts.tokenCount } ?? 0
            let text = corpus.text(rows[index], maximumLength: maximumLength)
            shards[least].append(text, label: labels[rows[index]])
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
