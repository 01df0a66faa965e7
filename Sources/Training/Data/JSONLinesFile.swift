private import Foundation

/// Reads rows from one JSON object a line.
enum JSONLinesFile {
    static func rows(path: String) throws -> [DataFile.Row] {
        var lines = try LineReader(path: path)
        var rows: [DataFile.Row] = []
        let decoder = JSONDecoder()
        while let line = try lines.next() {
            if line.utf8.allSatisfy({ $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }) { continue }
            do {
                let fields = try decoder.decode(Fields.self, from: Data(line.utf8))
                rows.append(
                    DataFile.Row(
                        line: lines.lineNumber,
                        text: fields.text,
                        label: fields.label,
                        split: try fields.split.map {
                            try DataFile.split($0, path: path, line: lines.lineNumber)
                        },
                        document: fields.document
                    )
                )
            } catch let error as DecodingError {
                throw TrainingError.invalidRow(
                    path: path,
                    line: lines.lineNumber,
                    problem: problem(error),
                    remedy: #"Write {"text": "…", "label": "…"} on each line."#
                )
            }
        }
        return rows
    }

    private static func problem(_ error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, _): "has no `\(key.stringValue)`"
        case .valueNotFound(_, let context), .typeMismatch(_, let context):
            context.codingPath.last.map { "`\($0.stringValue)` has the wrong type" } ?? "is not a JSON object"
        case .dataCorrupted: "is not valid JSON"
        @unknown default: "is not valid JSON"
        }
    }

    private struct Fields: Decodable {
        let text: String
        let label: DataFile.Label?
        let split: String?
        let document: String?

        private enum CodingKeys: String, CodingKey {
            case text, label, split, document
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            text = try container.decode(String.self, forKey: .text)
            if let index = try? container.decode(Int.self, forKey: .label) {
                label = .index(index)
            } else {
                label = try container.decodeIfPresent(String.self, forKey: .label).map(DataFile.Label.name)
            }
            split = try container.decodeIfPresent(String.self, forKey: .split)
            if let number = try? container.decode(Int.self, forKey: .document) {
                document = String(number)
            } else {
                document = try container.decodeIfPresent(String.self, forKey: .document)
            }
        }
    }
}
