import LinearAlgebra

extension PackedTexts {
    /// Copies the row of each text's first token out of `rows`.
    func gatherFirstTokens(from rows: [Float], width: Int, into gathered: inout [Float]) {
        gathered.resize(to: count * width)
        for (index, text) in enumerated() {
            let first = text.lowerBound * width
            for column in 0..<width { gathered[index * width + column] = rows[first + column] }
        }
    }

    /// Adds a row a text to the row of its first token.
    func scatterToFirstTokens(_ gathered: [Float], width: Int, to rows: inout [Float]) {
        var target = rows.mutableSpan
        for (index, text) in enumerated() {
            let first = text.lowerBound * width
            target.withElements(in: first..<first + width) { row in
                Elementwise.add(gathered.span.extracting(index * width..<(index + 1) * width), to: &row)
            }
        }
    }
}
