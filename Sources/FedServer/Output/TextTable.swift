/// Rows of text in columns that line up, for people.
struct TextTable {
    enum Alignment {
        case left, right
    }

    private let columns: [(title: String, alignment: Alignment, width: Int)]

    /// Creates a table of columns with a title, the side to which cells keep, and a least width each.
    init(_ columns: [(title: String, alignment: Alignment, width: Int)]) {
        self.columns = columns.map { ($0.title, $0.alignment, max($0.width, $0.title.count)) }
    }

    /// Returns a table whose columns are as wide as the widest of `rows`.
    init(_ titles: [String], fitting rows: [[String]]) {
        self.init(
            titles.enumerated().map { index, title in (title, .left, rows.map { $0[index].count }.max() ?? 0) }
        )
    }

    var header: String { line(columns.map(\.title)) }

    /// Returns one row as a line.
    func line(_ cells: [String]) -> String {
        let padded = zip(columns, cells).map { column, cell in
            let padding = String(repeating: " ", count: max(0, column.width - cell.count))
            return column.alignment == .left ? cell + padding : padding + cell
        }
        let line = padded.joined(separator: "  ")
        return String(line.reversed().drop { $0 == " " }.reversed())
    }
}
