/// Reads rows from comma- or tab-separated values with a header line (RFC 4180).
///
/// Quoted fields may hold delimiters, doubled quotes and line ends.
package enum DelimitedFile {
    static func rows(
        path: String,
        delimiter: Unicode.Scalar,
        keeping field: String? = nil
    ) throws -> [DataFile.Row] {
        var lines = try LineReader(path: path)
        guard let header = try record(from: &lines, path: path, delimiter: delimiter) else { return [] }
        let columns = try Columns(header: header.fields, keeping: field, path: path, line: header.line)
        var rows: [DataFile.Row] = []
        while let record = try record(from: &lines, path: path, delimiter: delimiter) {
            guard record.fields.count == header.fields.count else {
                throw TrainingError.invalidRow(
                    path: path,
                    line: record.line,
                    problem: "has \(record.fields.count) fields where the header has \(header.fields.count)",
                    remedy: "Quote texts that contain the delimiter."
                )
            }
            rows.append(try columns.row(record.fields, path: path, line: record.line))
        }
        return rows
    }

    /// Returns the fields of every record, the header's first.
    ///
    /// - Throws: ``TrainingError`` that names the file and the line.
    package static func records(path: String, delimiter: Unicode.Scalar = ",") throws -> [[String]] {
        var lines = try LineReader(path: path)
        var records: [[String]] = []
        while let record = try record(from: &lines, path: path, delimiter: delimiter) { records.append(record.fields) }
        return records
    }

    /// Where the fields stand that rows are made of.
    private struct Columns {
        let text: Int
        let label: Int?
        let split: Int?
        let document: Int?
        let kept: Int?

        init(header: [String], keeping field: String?, path: String, line: Int) throws(TrainingError) {
            func position(_ name: String) throws(TrainingError) -> Int {
                guard let position = header.firstIndex(of: name) else {
                    throw .invalidRow(
                        path: path,
                        line: line,
                        problem: "the header has no column `\(name)`",
                        remedy: "Begin with a line such as `text,label`."
                    )
                }
                return position
            }
            text = try position("text")
            label = header.firstIndex(of: "label")
            split = header.firstIndex(of: "split")
            document = header.firstIndex(of: "document")
            kept = try field.map { name throws(TrainingError) in try position(name) }
        }

        func row(_ fields: [String], path: String, line: Int) throws(TrainingError) -> DataFile.Row {
            if let label, fields[label].isEmpty {
                throw .invalidRow(path: path, line: line, problem: "has no `label`", remedy: "Fill in the label.")
            }
            var namedSplit: DataFile.Split?
            if let split { namedSplit = try DataFile.split(fields[split], path: path, line: line) }
            return DataFile.Row(
                line: line,
                text: fields[text],
                label: label.map { .name(fields[$0]) },
                split: namedSplit,
                document: document.map { fields[$0] }.flatMap { $0.isEmpty ? nil : $0 },
                field: kept.map { fields[$0] }
            )
        }
    }

    /// Reads one record, which goes over several lines when a quoted field does; blank lines are skipped.
    private static func record(
        from lines: inout LineReader,
        path: String,
        delimiter: Unicode.Scalar
    ) throws -> (fields: [String], line: Int)? {
        var parser = RecordParser(delimiter: delimiter)
        var first = 0
        while let line = try lines.next() {
            if first == 0, line.isEmpty { continue }
            if first == 0 { first = lines.lineNumber }
            do {
                if try parser.read(line) { return (parser.fields, first) }
            } catch {
                throw TrainingError.invalidRow(
                    path: path,
                    line: lines.lineNumber,
                    problem: "a quoted field goes on after its closing quote",
                    remedy: "Double the quotes inside a quoted field."
                )
            }
        }
        guard first == 0 else {
            throw TrainingError.invalidRow(
                path: path,
                line: first,
                problem: "a quoted field has no closing quote",
                remedy: "Close the quote, or double the quotes inside a quoted field."
            )
        }
        return nil
    }

    /// Cuts the lines of one record into fields.
    private struct RecordParser {
        private enum State {
            case fieldStart
            case plain
            case quoted
            /// After a quote in a quoted field: its end, or the first half of a doubled quote.
            case quote
        }

        struct TextAfterQuote: Error {}

        let delimiter: Unicode.Scalar
        private(set) var fields: [String] = []
        private var field = String.UnicodeScalarView()
        private var state = State.fieldStart

        init(delimiter: Unicode.Scalar) { self.delimiter = delimiter }

        /// Reads a line; returns whether the record ends with it.
        mutating func read(_ line: String) throws(TextAfterQuote) -> Bool {
            if state == .quoted { field.append("\n") }
            for scalar in line.unicodeScalars {
                switch (state, scalar) {
                case (.quoted, "\""): state = .quote
                case (.quoted, _): field.append(scalar)
                case (.quote, "\""):
                    field.append(scalar)
                    state = .quoted
                case (.fieldStart, delimiter), (.plain, delimiter), (.quote, delimiter): endField()
                case (.quote, _): throw TextAfterQuote()
                case (.fieldStart, "\""): state = .quoted
                case (.fieldStart, _), (.plain, _):
                    field.append(scalar)
                    state = .plain
                }
            }
            guard state != .quoted else { return false }
            endField()
            return true
        }

        private mutating func endField() {
            fields.append(String(field))
            field.removeAll()
            state = .fieldStart
        }
    }
}
