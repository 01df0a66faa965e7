/// Rows of text in columns that line up, for people.
struct TextTable {
    private let titles: [String]
    private let widths: [Int]

    /// Creates a table whose columns are as wide as the widest of `rows`.
    init(_ titles: [String], fitting rows: [[String]]) {
        self.titles = titles
        widths = titles.indices.map { column in ([titles] + rows).map { $0[column].count }.max() ?? 0 }
    }

    /// Prints the titles and the rows, figures to the right.
    func write(_ rows: [[String]]) {
        for row in [titles] + rows {
            let cells = zip(row, widths).enumerated().map { column, cell in
                let padding = String(repeating: " ", count: cell.1 - cell.0.count)
                return column < 2 ? cell.0 + padding : padding + cell.0
            }
            print(cells.joined(separator: "  "))
        }
    }
}
