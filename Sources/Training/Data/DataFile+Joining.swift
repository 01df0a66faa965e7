extension DataFile {
    /// Puts the rows of several files one after the other.
    ///
    /// Rows keep the line that they have in their own file.
    ///
    /// - Throws: ``TrainingError/noRows(path:)`` when there are none; what concerns all rows together, such as a split that
    ///   only some files name.
    package init(joining files: [DataFile]) throws(TrainingError) {
        try self.init(path: files.map(\.path).joined(separator: ", "), rows: files.flatMap(\.rows))
    }

    /// Returns for each row whether it is held out, as a corpus of this file has it.
    package func isHeldOut(splitSeed: UInt64 = 1) -> [Bool] { TextCorpus.heldOut(rows, seed: splitSeed) }

    /// Returns for each row the place of its label in `names`; a label counts as a name first, and only then as an index.
    ///
    /// - Throws: ``TrainingError/unknownLabel(path:line:label:nearest:known:)`` for the first label that is neither.
    package func places(ofLabelsIn names: [String]) throws(TrainingError) -> [Int32] {
        // Language modelling has no labels.
        if names.isEmpty { return [Int32](repeating: 0, count: rows.count) }
        let known = LabelNames(names)
        return try rows.map { row throws(TrainingError) in try row.label.place(in: known, path: path, line: row.line) }
    }
}
