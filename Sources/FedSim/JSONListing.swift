import Adapters

/// A table as a list of JSON objects, for scripts.
enum JSONListing {
    /// Returns an object for each row, with the columns for its keys; cells that are numbers become numbers, and empty ones
    /// null.
    static func text(_ columns: [String], _ rows: [[String]]) -> String {
        JSONValue.array(
            rows.map { row in
                var object = JSONObject()
                for (column, cell) in zip(columns, row) { object[column] = value(of: cell) }
                return .object(object)
            }
        ).pythonText
    }

    private static func value(of cell: String) -> JSONValue {
        if cell.isEmpty { return .null }
        let isNumber = cell.wholeMatch(of: #/-?(0|[1-9][0-9]*)(\.[0-9]+)?(e[+-]?[0-9]+)?/#) != nil
        return isNumber ? .number(literal: cell) : .string(cell)
    }
}
