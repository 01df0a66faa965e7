extension JSONValue {
    /// The document as Python's `json.dumps(value, indent=2, sort_keys=True)` writes it, without a final newline.
    package var pythonText: String {
        var text = ""
        write(to: &text, indentation: "\n")
        return text
    }

    private func write(to text: inout String, indentation: String) {
        let inner = indentation + "  "
        switch self {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .number(let literal): text += literal
        case .string(let value): Self.write(value, to: &text)
        case .array(let elements) where elements.isEmpty: text += "[]"
        case .array(let elements):
            for (index, element) in elements.enumerated() {
                text += (index == 0 ? "[" : ",") + inner
                element.write(to: &text, indentation: inner)
            }
            text += indentation + "]"
        case .object(let object) where object.isEmpty: text += "{}"
        case .object(let object):
            // Python compares strings by code point, which is also the order of their UTF-8.
            let members = object.members.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
            for (index, member) in members.enumerated() {
                text += (index == 0 ? "{" : ",") + inner
                Self.write(member.name, to: &text)
                text += ": "
                member.value.write(to: &text, indentation: inner)
            }
            text += indentation + "}"
        }
    }

    /// Python's default keeps to ASCII: everything else is escaped by UTF-16 code unit.
    private static func write(_ string: String, to text: inout String) {
        text += "\""
        for unit in string.utf16 {
            switch unit {
            case 0x22: text += "\\\""
            case 0x5C: text += "\\\\"
            case 0x08: text += "\\b"
            case 0x0C: text += "\\f"
            case 0x0A: text += "\\n"
            case 0x0D: text += "\\r"
            case 0x09: text += "\\t"
            case 0x20...0x7E: text.unicodeScalars.append(Unicode.Scalar(UInt8(truncatingIfNeeded: unit)))
            default:
                let digits = String(unit, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }
        }
        text += "\""
    }
}
