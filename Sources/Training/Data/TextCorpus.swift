/// A silo's texts as token ids, divided into those that are trained on and those that are held out.
package struct TextCorpus: Sendable {
    /// The rows to train on, in the order of the file.
    package let trainingRows: [Int]
    /// The rows to evaluate on, in the order of the file.
    package let heldOutRows: [Int]
    private let path: String
    private var tokens: [Int32] = []
    /// Where each row's tokens start, and last where they end.
    private var starts: [Int] = [0]
    /// For each row, its place in `labels`.
    private var labelOfRow: [Int32] = []
    /// The different labels, and the line where each occurs first; `nil` stands for none.
    private var labels: [(label: DataFile.Label?, line: Int)] = []
    /// Whether the last token of every text is a special one, which stays when the text is cut.
    private let keepsLastToken: Bool

    /// Tokenizes the rows of a file.
    ///
    /// - Parameters:
    ///   - file: The rows. When they name no split, a fifth of the documents is held out (a row without a document is one
    ///     by itself).
    ///   - tokenizer: The base model's.
    ///   - longestText: How many tokens the model takes, special ones included.
    ///   - shortestText: How many it needs: two where the targets are the next tokens.
    ///   - splitSeed: Chooses which documents are held out.
    /// - Throws: ``TrainingError/noTrainingRows(path:)`` when nothing is left to train on;
    ///   ``TrainingError/invalidRow(path:line:problem:remedy:)`` for a text that is too short.
    package init(
        _ file: DataFile,
        tokenizer: any TextTokenizer,
        longestText: Int,
        shortestText: Int = 1,
        splitSeed: UInt64 = 1
    ) throws(TrainingError) {
        path = file.path
        keepsLastToken = tokenizer.endsWithSpecialToken
        var placeOfLabel: [DataFile.Label?: Int32] = [:]
        for row in file.rows {
            let text = tokenizer.encode(row.text, maximumLength: longestText)
            guard text.count >= shortestText else {
                throw .invalidRow(
                    path: path,
                    line: row.line,
                    problem: "has \(text.count) tokens, of which none can be predicted from others",
                    remedy: "Write at least \(shortestText) tokens of text, or remove the row."
                )
            }
            tokens += text
            starts.append(tokens.count)
            if let place = placeOfLabel[row.label] {
                labelOfRow.append(place)
            } else {
                placeOfLabel[row.label] = Int32(labels.count)
                labelOfRow.append(Int32(labels.count))
                labels.append((row.label, row.line))
            }
        }
        let isHeldOut = Self.heldOut(file.rows, seed: splitSeed)
        heldOutRows = file.rows.indices.filter { isHeldOut[$0] }
        trainingRows = file.rows.indices.filter { !isHeldOut[$0] }
        guard !trainingRows.isEmpty else { throw .noTrainingRows(path: path) }
    }

    /// Returns the first `maximumLength` tokens of a row, of which the last is the special one that ends every text.
    package func text(_ row: Int, maximumLength: Int) -> some Collection<Int32> {
        let all = tokens[starts[row]..<starts[row + 1]]
        if all.count <= maximumLength { return all[...] }
        return keepsLastToken ? all.prefix(maximumLength - 1) + all.suffix(1) : all.prefix(maximumLength)
    }

    /// How many tokens ``text(_:maximumLength:)`` returns.
    package func length(of row: Int, maximumLength: Int) -> Int { min(starts[row + 1] - starts[row], maximumLength) }

    /// Returns for each row the place of its label in `names`.
    ///
    /// A label counts as a name first, and only then as an index.
    ///
    /// - Throws: ``TrainingError/unknownLabel(path:line:label:nearest:known:)`` for the first label that is neither.
    package func labels(in names: [String]) throws(TrainingError) -> [Int32] {
        let known = LabelNames(names)
        let places = try labels.map { label, line throws(TrainingError) in
            try label.place(in: known, path: path, line: line)
        }
        return labelOfRow.map { places[Int($0)] }
    }

    /// Returns for each row whether it is held out.
    static func heldOut(_ rows: [DataFile.Row], seed: UInt64) -> [Bool] {
        if rows.first?.split != nil { return rows.map { $0.split == .test } }
        let documents = rows.map { $0.document ?? $0.text }
        let choice = HoldOut(seed: seed).choose(among: documents)
        return documents.map { choice[$0] ?? false }
    }
}
