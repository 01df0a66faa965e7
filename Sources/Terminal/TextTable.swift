/// Rows of text in columns that line up, for people.
package struct TextTable {
    package enum Alignment: Sendable {
        case left, right
    }

    private var columns: [(title: String, alignment: Alignment, width: Int)]

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

    /// Prints the titles and the rows; on a terminal no wider than it is, and with the titles in bold.
    package func write(_ rows: [[String]]) {
        let table = fitting(width: StandardOutput.width)
        print(StandardOutput.styled(table.header, .bold))
        for row in rows { print(table.line(row)) }
    }

    // MARK: - Width

    /// Texts are not cut below so many characters.
    private static let leastWidth = 12
    /// What stands between two columns.
    private static let gap = 2

    /// Returns the table with its widest texts made narrower, until a line has at most `width` characters.
    ///
    /// Figures are never cut, and texts not below 12 characters: what does not fit then is wider.
    ///
    /// - Parameter width: The width of the terminal; `nil` for a file or a pipe, where nothing is cut.
    /// - Returns: A table of the same columns.
    package func fitting(width: Int?) -> TextTable {
        guard let width else { return self }
        var table = self
        var excess = columns.reduce(Self.gap * (columns.count - 1)) { $0 + $1.width } - width
        while excess > 0 {
            let texts = table.columns.indices.filter {
                table.columns[$0].alignment == .left
                    && table.columns[$0].width > max(Self.leastWidth, table.columns[$0].title.count)
            }
            guard let widest = texts.max(by: { table.columns[$0].width < table.columns[$1].width }) else { break }
            table.columns[widest].width -= 1
            excess -= 1
        }
        return table
    }

    /// Leaves out the middle of a text: paths are told apart by both of their ends.
    private static func cut(_ text: String, to width: Int) -> String {
        guard text.count > width, width > 1 else { return text }
        let head = (width - 1) / 2
        return "\(text.prefix(head))…\(text.suffix(width - 1 - head))"
    }

    /// Returns one row as a line.
    package func line(_ cells: [String]) -> String {
        let padded = zip(columns, cells).map { column, cell in
            let cell = column.alignment == .left ? Self.cut(cell, to: column.width) : cell
            let padding = String(repeating: " ", count: max(0, column.width - cell.count))
            return column.alignment == .left ? cell + padding : padding + cell
        }
        let line = padded.joined(separator: "  ")
        return String(line.reversed().drop { $0 == " " }.reversed())
    }
}
