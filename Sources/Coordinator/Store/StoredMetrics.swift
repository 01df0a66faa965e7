import Foundation

/// Named figures as one JSON column.
///
/// JSON has no NaN and no infinities; they are written as strings, so that whatever a client reported reads back.
struct StoredMetrics {
    let values: [String: Double]

    init(_ values: [String: Double]) {
        self.values = values
    }

    init(json: String) throws {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf",
            negativeInfinity: "-inf",
            nan: "nan"
        )
        self.values = try decoder.decode([String: Double].self, from: Data(json.utf8))
    }

    var json: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = .sortedKeys
            encoder.nonConformingFloatEncodingStrategy = .convertToString(
                positiveInfinity: "inf",
                negativeInfinity: "-inf",
                nan: "nan"
            )
            return String(decoding: try encoder.encode(values), as: UTF8.self)
        }
    }
}
