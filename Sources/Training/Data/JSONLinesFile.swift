private import Foundation

/// Reads rows from one JSON object a line.
enum JSONLinesFile {
    /// Where the decoder finds the name of the field to keep.
    private static let keptField = CodingUserInfoKey(rawValue: "field")

    static func rows(path: String, keeping field: String? = nil) throws -> [DataFile.Row] {
        var lines = try LineReader(path: path)
        var rows: [DataFile.Row] = []
        let decoder = JSONDecoder()
        if let key = keptField, let field { decoder.userInfo[key] = field }
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
                        document: fields.document,
                        field: fields.kept
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
        let kept: String?

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
            document = container.contains(.document) ? try Self.text(in: container, for: .document) : nil
            guard let key = JSONLinesFile.keptField, let name = decoder.userInfo[key] as? String else {
                kept = nil
                return
            }
            kept = try Self.text(in: try decoder.container(keyedBy: FieldName.self), for: FieldName(stringValue: name))
        }

        /// A text, or a whole number as text.
        private static func text<Key>(in container: KeyedDecodingContainer<Key>, for key: Key) throws -> String? {
            if let number = try? container.decode(Int.self, forKey: key) { return String(number) }
            return try container.decode(String?.self, forKey: key)
        }
    }

    /// Any name of a field.
    private struct FieldName: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}
