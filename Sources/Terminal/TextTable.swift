/// Rows of text in columns that line up, for people.
package struct TextTable {
    package enum Alignment: Sendable {
        case left, right
    }

    private let columns: [(title: String, alignment: Alignment, width: Int)]

    /// Creates a table of columns with a title, the side to which cells keep, and a least width each.
    package init(_ columns: [(title: String, alignment: Alignment, width: Int)]) {
        self.columns = columns.map { ($0.title, $0.alignment, max($0.width, $0.title.count)) }
    }

    /// Creates a table whose columns are as wide as the widest of `rows`.
    ///
    /// - Parameters:
    ///   - titles: The columns' titles.
    ///   - rows: The cells, one list a row.
    ///   - texts: How many columns hold texts, which keep to the left; figures after them keep to the right.
    package init(_ titles: [String], fitting rows: [[String]], texts: Int = .max) {
        self.init(
            titles.enumerated().map { index, title in
                (title, index < texts ? .left : .right, rows.map { $0[index].count }.max() ?? 0)
            }
        )
    }

    package var header: String { line(columns.map(\.title)) }

    /// Prints the titles and the rows.
    package func write(_ rows: [[String]]) {
        print(header)
        for row in rows { print(line(row)) }
    }

    /// Returns one row as a line.
    package func line(_ cells: [String]) -> String {
        let padded = zip(columns, cells).map { column, cell in
            let padding = String(repeating: " ", count: max(0, column.width - cell.count))
            return column.alignment == .left ? cell + padding : padding + cell
        }
        let line = padded.joined(separator: "  ")
        return String(line.reversed().drop { $0 == " " }.reversed())
    }
}
