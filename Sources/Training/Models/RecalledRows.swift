import LinearAlgebra

/// What a ``FrozenPrefix`` knows of the texts of a pass.
struct RecalledRows: Sendable {
    /// Each text's rows; `nil` where it is not known.
    private let rows: [[Float]?]
    private let texts: PackedTexts
    /// The texts that are not known, in their order.
    let missing: PackedTexts

    init(rows: [[Float]?], of texts: PackedTexts) {
        self.rows = rows
        self.texts = texts
        var missing = PackedTexts()
        for (text, rows) in zip(texts, rows) where rows == nil { missing.append(texts.tokens[text]) }
        self.missing = missing
    }

    /// Puts the rows of all texts together.
    ///
    /// - Parameter hidden: Holds the rows of ``missing``, and then those of all texts.
    func complete(_ hidden: inout [Float]) {
        guard missing.count < texts.count else { return }
        let width =
            missing.isEmpty
            ? (rows.lazy.compactMap(\.self).first?.count ?? 0) / texts[0].count : hidden.count / missing.tokenCount
        var found = hidden
        swap(&found, &hidden)
        hidden.resize(to: texts.tokenCount * width)
        var next = 0
        for (text, rows) in zip(texts, rows) {
            let target = text.lowerBound * width..<text.upperBound * width
            if let rows {
                hidden.replace(target, with: rows)
            } else {
                hidden.replace(target, with: found, from: next)
                next += target.count
            }
        }
    }
}
