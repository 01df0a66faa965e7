/// The beginning of a safetensors file that is to be written, as the reference library (version 0.8.0) writes it.
enum SafetensorsHead {
    /// What the header says of one tensor; its place follows from those before it.
    struct Entry {
        let name: String
        let elementType: SafetensorsElementType
        let shape: [Int]
        let byteCount: Int

        init(_ name: String, _ elementType: SafetensorsElementType, _ shape: [Int], byteCount: Int) {
            self.name = name
            self.elementType = elementType
            self.shape = shape
            self.byteCount = byteCount
        }
    }

    /// Whether a tensor stands before another one: by descending type, then by name.
    static func precedes(
        _ left: (name: String, type: SafetensorsElementType),
        _ right: (name: String, type: SafetensorsElementType)
    ) -> Bool {
        left.type == right.type
            ? left.name.utf8.lexicographicallyPrecedes(right.name.utf8)
            : left.type.alignmentOrder > right.type.alignmentOrder
    }

    /// Returns the header with its length before it.
    ///
    /// - Parameters:
    ///   - entries: The tensors in the order of their data; names are unique.
    ///   - metadata: The file's notes; `nil` for none.
    /// - Returns: The bytes before the first tensor's.
    static func bytes(of entries: [Entry], metadata: [String: String]?) -> [UInt8] {
        var members: [String] = []
        if let metadata {
            // The reference keeps notes in a hash table; with more than one, any order is as good as its own.
            let notes = metadata.sorted { $0.key < $1.key }.map { "\(string($0.key)):\(string($0.value))" }
            members.append("\(string(SafetensorsHeader.metadataKey)):{\(notes.joined(separator: ","))}")
        }
        var offset = 0
        for entry in entries {
            let end = offset + entry.byteCount
            let shape = entry.shape.map(String.init).joined(separator: ",")
            members.append(
                """
                \(string(entry.name)):{"dtype":"\(entry.elementType.rawValue)",\
                "shape":[\(shape)],"data_offsets":[\(offset),\(end)]}
                """
            )
            offset = end
        }
        var json = Array("{\(members.joined(separator: ","))}".utf8)
        let padding = (8 - json.count % 8) % 8
        json.append(contentsOf: repeatElement(UInt8(ascii: " "), count: padding))
        let length = UInt64(json.count)
        return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + json
    }

    /// A JSON string as serde writes it: everything but quotes, backslashes and control characters as it is.
    private static func string(_ text: String) -> String {
        // Names hardly ever need more than quotes, and a large cohort writes millions of them.
        let isPlain = text.utf8.allSatisfy { $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
        if isPlain { return "\"\(text)\"" }
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\u{8}": result += "\\b"
            case "\u{c}": result += "\\f"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\0"..<" ":
                result += scalar.value < 16 ? "\\u000" : "\\u00"
                result += String(scalar.value, radix: 16)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
