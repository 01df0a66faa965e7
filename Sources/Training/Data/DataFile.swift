package import Foundation

/// The texts of a JSON lines or CSV file.
///
/// A row has a `text` and, for a classification, a `label`, which is a name or an index into the job's labels. It may have a
/// `split`, `train` or `test`, and a `document`, the larger text it was taken from. Other fields are ignored, but for one
/// that the reader may ask for.
package struct DataFile: Sendable {
    package enum Label: Sendable, Hashable {
        case name(String)
        case index(Int)
    }

    package enum Split: String, Sendable, CaseIterable {
        case train
        case test
    }

    package struct Row: Sendable, Hashable {
        /// Where the row begins in the file, counting from 1.
        package let line: Int
        package let text: String
        /// `nil` in texts for language modelling.
        package let label: Label?
        package let split: Split?
        package let document: String?
        /// The value of the field that the reader was asked to keep, as text.
        package var field: String?
    }

    package let path: String
    package let rows: [Row]

    /// Reads a file whose name ends in `.jsonl`, `.ndjson`, `.csv` or `.tsv`.
    ///
    /// - Parameters:
    ///   - file: The file.
    ///   - field: A field that every row must have, such as the hospital it is from; `nil` for none.
    /// - Throws: ``TrainingError`` that names file and line when a row is broken, or the file has none.
    package init(contentsOf file: URL, keeping field: String? = nil) throws {
        let path = file.path
        let rows =
            switch file.pathExtension.lowercased() {
            case "jsonl", "ndjson": try JSONLinesFile.rows(path: path, keeping: field)
            case "csv": try DelimitedFile.rows(path: path, delimiter: ",", keeping: field)
            case "tsv": try DelimitedFile.rows(path: path, delimiter: "\t", keeping: field)
            default: throw TrainingError.unknownDataFormat(path: path)
            }
        try self.init(path: path, rows: rows)
    }

    /// Checks what concerns all rows together.
    package init(path: String, rows: [Row]) throws(TrainingError) {
        guard let first = rows.first else { throw .noRows(path: path) }
        if let other = rows.first(where: { ($0.split == nil) != (first.split == nil) }) {
            let lacking = first.split == nil ? first : other
            throw .invalidRow(
                path: path,
                line: lacking.line,
                problem: "has no `split` though other rows have",
                remedy: "Give every row a split, or none."
            )
        }
        self.path = path
        self.rows = rows
    }

    /// The names that labels have, each once and in the order of their bytes; the numbers up to the largest when no label
    /// has a name.
    package var labelNames: [String] {
        var names: Set<String> = []
        var largest = -1
        for row in rows {
            switch row.label {
            case .name(let name): names.insert(name)
            case .index(let index): largest = max(largest, index)
            case nil: break
            }
        }
        guard names.isEmpty else { return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) } }
        return (0..<min(largest, Self.mostNumberedLabels - 1) + 1).map(String.init)
    }

    /// Larger indices are mistakes, and are refused as unknown labels.
    private static let mostNumberedLabels = 1000

    /// Reads the `split` field.
    static func split(_ name: String, path: String, line: Int) throws(TrainingError) -> Split {
        guard let split = Split(rawValue: name) else {
            throw .invalidRow(
                path: path,
                line: line,
                problem: "the split '\(name)' is unknown",
                remedy: "Write `train` or `test`."
            )
        }
        return split
    }
}
