import Testing

@testable import Training

@Suite("Shards of a mini-batch")
struct TrainingBatchTests {
    private func shards(
        lengths: [Int],
        maximumLength: Int = 512
    ) throws -> (corpus: TextCorpus, shards: [TrainingBatch]) {
        let rows = lengths.enumerated().map { index, length in
            DataFile.Row(
                line: index + 1,
                text: String(repeating: "a ", count: length - 2),
                label: .index(index % 2),
                split: .train,
                document: nil
            )
        }
        let corpus = try TextCorpus(
            DataFile(path: "silo.jsonl", rows: rows),
            tokenizer: WordPieceTokenizer(modelFolder: Fixture.url("tiny-bert")),
            longestText: 512
        )
        let labels = try corpus.labels(in: ["even", "odd"])
        return (
            corpus,
            TrainingBatch.shards(
                of: Array(lengths.indices),
                from: corpus,
                labels: labels,
                maximumLength: maximumLength
            )
        )
    }

    @Test("hold every text once, with its label")
    func complete() throws {
        let lengths = (0..<40).map { 5 + ($0 * 37) % 60 }
        let shards = try shards(lengths: lengths).shards
        let found = shards.flatMap { shard in
            zip(shard.texts.map(\.count), shard.labels).map { "\($0) \($1)" }
        }
        #expect(found.sorted() == lengths.enumerated().map { "\($1) \($0 % 2)" }.sorted())
    }

    @Test("are as many as the tokens make worthwhile, and about equal")
    func balance() throws {
        #expect(try shards(lengths: [8, 8, 8]).shards.count == 1)
        #expect(try shards(lengths: [500]).shards.count == 1)
        #expect(
            try shards(lengths: Array(repeating: 64, count: 16)).shards.map(\.texts.tokenCount) == [256, 256, 256, 256]
        )
        let natural = try shards(lengths: (0..<16).map { 10 + ($0 * 7) % 40 }).shards
        #expect(natural.count == 2)
        #expect(abs(natural[0].texts.tokenCount - natural[1].texts.tokenCount) < 20)
        #expect(try shards(lengths: Array(repeating: 100, count: 16), maximumLength: 16).shards.count == 2)
    }
}
