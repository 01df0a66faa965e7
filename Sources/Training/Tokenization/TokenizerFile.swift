import Adapters
import Foundation
import LinearAlgebra

/// A `tokenizer.json` of Hugging Face's `tokenizers`, with errors that name the file and the key.
struct TokenizerFile {
    static let name = "tokenizer.json"

    let path: String
    private let root: JSONValue

    /// Vocabularies of the largest open models take some 30 MB.
    private static let longestFile = 128 << 20

    /// Parses the file of a model's folder.
    ///
    /// - Throws: ``TrainingError`` when it cannot be read or is not JSON.
    init(modelFolder folder: URL) throws(TrainingError) {
        let path = folder.appendingPathComponent(Self.name).path
        let file: MappedFile
        do {
            file = try MappedFile(path: path)
        } catch {
            throw .unreadableFile(path: path, reason: error.description)
        }
        guard file.count <= Self.longestFile else {
            throw .unsupportedModel(
                file: path,
                problem: "has \(file.count) bytes, more than any tokenizer",
                remedy: Self.remedy
            )
        }
        self = try file.withBytes { (bytes) throws(TrainingError) in
            try bytes.withOctets { (octets) throws(TrainingError) in try TokenizerFile(parsing: octets, path: path) }
        }
    }

    /// Parses the content of a file; messages call it `path`.
    init(parsing bytes: Span<UInt8>, path: String) throws(TrainingError) {
        do {
            root = try JSONValue(parsing: bytes)
        } catch {
            throw .unsupportedModel(file: path, problem: "is not JSON: \(error)", remedy: Self.remedy)
        }
        self.path = path
        if root.object == nil { throw flaw(at: "the file", "is no object") }
    }

    private static let remedy = "Copy the tokenizer.json that belongs to the model."

    // MARK: - Values by key

    /// Returns the value at a path of keys such as `model.vocab`; `nil` when it is missing or null.
    func value(_ key: String) -> JSONValue? {
        var value: JSONValue? = root
        for name in key.split(separator: ".") { value = value?.object?[String(name)] }
        return value == .null ? nil : value
    }

    func object(_ key: String) throws(TrainingError) -> JSONObject? {
        try convert(key, needed: "an object") { $0.object }
    }

    func string(_ key: String) throws(TrainingError) -> String? {
        try convert(key, needed: "a text") { $0.string }
    }

    func bool(_ key: String) throws(TrainingError) -> Bool? {
        try convert(key, needed: "true or false") { $0.bool }
    }

    func array(_ key: String) throws(TrainingError) -> [JSONValue]? {
        try convert(key, needed: "a list") {
            guard case .array(let elements) = $0 else { return nil }
            return elements
        }
    }

    /// Refuses a value other than one of `supported`; a missing one counts as the first.
    func expect(_ key: String, among supported: JSONValue...) throws(TrainingError) {
        let found = value(key) ?? supported[0]
        guard supported.contains(found) else {
            throw flaw(at: key, "has a value that is not supported", remedy: "Use the command trainer for this model.")
        }
    }

    private func convert<Value>(
        _ key: String,
        needed: String,
        _ conversion: (JSONValue) -> Value?
    ) throws(TrainingError) -> Value? {
        guard let found = value(key) else { return nil }
        guard let converted = conversion(found) else { throw flaw(at: key, "is not \(needed)") }
        return converted
    }

    /// Makes the error for a key.
    func flaw(at key: String, _ problem: String, remedy: String = Self.remedy) -> TrainingError {
        .unsupportedModel(file: path, problem: "cannot be used: `\(key)` \(problem)", remedy: remedy)
    }

    // MARK: - What every kind of tokenizer has

    /// Reads `model.vocab`, whose ids may leave holes but not repeat.
    ///
    /// - Returns: The entries by their ids; holes are empty.
    func vocabulary() throws(TrainingError) -> [[UInt8]] {
        guard let vocabulary = try object("model.vocab") else { throw flaw(at: "model.vocab", "is missing") }
        // An id far beyond the number of entries would cost memory for nothing.
        let limit = 2 * vocabulary.count + 1024
        var entries = [[UInt8]](repeating: [], count: vocabulary.count)
        for (name, value) in vocabulary.members {
            guard let id = value.integer, 0 <= id, id < limit else {
                throw flaw(at: "model.vocab", "gives '\(name)' an id that is not a number from 0 to \(limit - 1)")
            }
            if id >= entries.count { entries += repeatElement([], count: id + 1 - entries.count) }
            guard entries[id].isEmpty else { throw flaw(at: "model.vocab", "gives the id \(id) to two entries") }
            entries[id] = Array(name.utf8)
        }
        return entries
    }

    /// Reads `added_tokens`.
    ///
    /// - Returns: Each token's text, id, and whether it is looked for in text that is already normalised.
    func addedTokens() throws(TrainingError) -> [AddedTokens.Token] {
        var tokens: [AddedTokens.Token] = []
        for (index, value) in (try array("added_tokens") ?? []).enumerated() {
            let key = "added_tokens[\(index)]"
            guard let object = value.object, let content = object["content"]?.string, !content.isEmpty,
                let id = object["id"]?.integer, 0 <= id, id < 1 << 28
            else { throw flaw(at: key, "needs a `content` and an `id`") }
            for option in ["lstrip", "rstrip", "single_word"] where object[option]?.bool == true {
                guard option == "lstrip", content == "[MASK]" || content == "<mask>" else {
                    throw flaw(
                        at: "\(key).\(option)",
                        "is not supported",
                        remedy: "Use the command trainer for this model."
                    )
                }
            }
            tokens.append(
                AddedTokens.Token(
                    scalars: Array(content.unicodeScalars),
                    id: Int32(id),
                    isNormalized: object["normalized"]?.bool ?? false
                )
            )
        }
        return tokens
    }
}
