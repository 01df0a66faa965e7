import Testing

@testable import Training

@Suite("Tokenized corpus")
struct TextCorpusTests {
    /// Texts over the letters, so that lengths are easy to see.
    private func corpus(_ rows: [DataFile.Row], longestText: Int = 20, seed: UInt64 = 1) throws -> TextCorpus {
        try TextCorpus(
            DataFile(path: "silo.jsonl", rows: rows),
            tokenizer: WordPieceTokenizer(modelFolder: Fixture.url("tiny-bert")),
            longestText: longestText,
            splitSeed: seed
        )
    }

    private func row(
        _ line: Int,
        _ text: String,
        _ label: DataFile.Label? = .index(0),
        split: DataFile.Split? = nil,
        document: String? = nil
    ) -> DataFile.Row {
        DataFile.Row(line: line, text: text, label: label, split: split, document: document)
    }

    @Test("takes the split that the rows name")
    func namedSplit() throws {
        let corpus = try corpus([row(1, "a", split: .test), row(2, "b", split: .train), row(3, "c", split: .test)])
        #expect(corpus.trainingRows == [1])
        #expect(corpus.heldOutRows == [0, 2])
        #expect(throws: TrainingError.noTrainingRows(path: "silo.jsonl")) {
            try self.corpus([row(1, "a", split: .test)])
        }
    }

    @Test("holds out about a fifth of the documents, whole, and the same ones when the file grows")
    func hashedSplit() throws {
        let rows = (0..<2000).map { row($0 + 1, "film \($0 % 7)", document: "document \($0 / 4)") }
        let corpus = try corpus(rows)
        #expect(corpus.trainingRows.count + corpus.heldOutRows.count == 2000)
        // Five standard deviations of a binomial count over 500 documents.
        let heldOutDocuments = corpus.heldOutRows.count / 4
        let deviation: Double = (500 * 0.2 * 0.8).squareRoot()
        #expect(abs(Double(heldOutDocuments - 100)) < 5 * deviation)
        #expect(Set(corpus.heldOutRows.map { $0 / 4 }).isDisjoint(with: corpus.trainingRows.map { $0 / 4 }))

        let smaller = try self.corpus(Array(rows.prefix(1200)))
        #expect(smaller.heldOutRows == corpus.heldOutRows.filter { $0 < 1200 })
        let other = try self.corpus(rows, seed: 2)
        #expect(other.heldOutRows != corpus.heldOutRows)
    }

    @Test("leaves neither side empty while there are two documents", arguments: 1...20)
    func twoDocuments(seed: UInt64) throws {
        let corpus = try corpus([row(1, "a"), row(2, "b")], seed: seed)
        #expect(corpus.trainingRows.count == 1 && corpus.heldOutRows.count == 1)
        #expect(try self.corpus([row(1, "a")], seed: seed).trainingRows == [0])
    }

    @Test("cuts texts to the job's length and to the model's")
    func lengths() throws {
        let corpus = try corpus([row(1, "abcdefgh"), row(2, "a")], longestText: 8)
        #expect(Array(corpus.text(0, maximumLength: 20)) == [2, 8, 35, 36, 37, 38, 39, 3])
        #expect(Array(corpus.text(0, maximumLength: 4)) == [2, 8, 35, 3])
        #expect(corpus.length(of: 0, maximumLength: 4) == 4)
        #expect(Array(corpus.text(1, maximumLength: 4)) == [2, 8, 3])
        #expect(corpus.length(of: 1, maximumLength: 4) == 3)
    }

    @Test("finds labels by name, and by index when no name fits")
    func labels() throws {
        let corpus = try corpus([
            row(1, "a", .name("bad")), row(2, "b", .index(1)), row(3, "c", .name("0")), row(4, "d", .name("2")),
        ])
        #expect(try corpus.labels(in: ["bad", "good", "2"]) == [0, 1, 0, 2])
    }

    @Test("a number is a label's name before it is an index, in JSON as in CSV")
    func numberedLabels() throws {
        let corpus = try corpus([row(1, "a", .index(4)), row(2, "b", .name("4")), row(3, "c", .index(0))])
        #expect(try corpus.labels(in: ["1", "2", "3", "4", "5"]) == [3, 3, 0])
    }

    @Test("a classification needs a label in every row, language modelling in none")
    func unlabelled() throws {
        let corpus = try corpus([row(1, "a", .name("bad")), row(2, "b", nil)])
        #expect(throws: TrainingError.unlabelled(path: "silo.jsonl", line: 2)) {
            try corpus.labels(in: ["bad", "good"])
        }
    }

    @Test("names the line of an unknown label, what was probably meant, and what there is")
    func unknownLabels() throws {
        let corpus = try corpus([row(4, "a", .name("good")), row(9, "b", .name("positiv"))])
        let error = #expect(throws: TrainingError.self) { try corpus.labels(in: ["good", "positive", "negative"]) }
        #expect(
            error?.description
                == "'silo.jsonl' line 9: the job knows no label 'positiv'. Did you mean 'positive'? "
                + "Its labels are good, positive, negative."
        )
        let index = try self.corpus([row(2, "a", .index(3))])
        #expect(throws: TrainingError.self) { try index.labels(in: ["a", "b"]) }
        #expect(throws: TrainingError.self) { try index.labels(in: []) }
    }
}
