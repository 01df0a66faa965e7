import Foundation

/// JSON for the files of a model's directory.
enum JSONText {
    /// Returns the text of an object, its keys sorted.
    static func of(_ object: [String: any Sendable]) throws(AdapterError) -> String {
        do {
            let data = try JSONSerialization.data(
                withJSONObject: object,
                options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            )
            return String(decoding: data, as: UTF8.self)
        } catch {
            throw .cannotWrite(path: "JSON", reason: error.localizedDescription)
        }
    }
}
