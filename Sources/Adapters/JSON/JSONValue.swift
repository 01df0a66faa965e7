/// A JSON document, with numbers kept as they were written and members in their order.
///
/// PEFT's configuration files are read, changed in a few keys, and written back; nothing else in them may change, not
/// even `16.0` into `16`.
package indirect enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    /// A number, as written.
    case number(literal: String)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    /// Creates a whole number.
    package static func number(_ value: Int) -> JSONValue { .number(literal: String(value)) }

    /// Creates a number as Python writes it: with a point or an exponent, in the fewest digits that give it back.
    package static func number(_ value: Double) -> JSONValue { .number(literal: value.description) }

    /// The number as an integer, if it is written as one and fits.
    package var integer: Int? {
        guard case .number(let literal) = self else { return nil }
        return Int(literal)
    }

    /// The number, rounded to the nearest double; `nil` beyond the range of doubles.
    package var double: Double? {
        guard case .number(let literal) = self, let value = Double(literal), value.isFinite else { return nil }
        return value
    }

    package var string: String? {
        guard case .string(let value) = self else { return nil }
        return value
    }

    package var bool: Bool? {
        guard case .bool(let value) = self else { return nil }
        return value
    }

    package var object: JSONObject? {
        guard case .object(let value) = self else { return nil }
        return value
    }

    /// Whether this is what a key that is not used holds: null, false or nothing.
    var isUnset: Bool {
        switch self {
        case .null, .bool(false): true
        case .array(let elements): elements.isEmpty
        case .object(let object): object.isEmpty
        case .string(let text): text.isEmpty
        case .bool(true), .number(literal: _): false
        }
    }

    /// The elements of an array of strings.
    package var strings: [String]? {
        guard case .array(let elements) = self else { return nil }
        let strings = elements.compactMap(\.string)
        return strings.count == elements.count ? strings : nil
    }
}

// MARK: - Parsing

extension JSONValue {
    /// How deep arrays and objects may be nested.
    private static let deepest = 64

    /// Parses a whole document.
    ///
    /// - Throws: ``JSONFlaw`` at the first byte that is not JSON, and at the second of two equal keys.
    package init(parsing bytes: Span<UInt8>) throws(JSONFlaw) {
        var scanner = JSONScanner()
        self = try Self.value(&scanner, in: bytes, depth: 0)
        try scanner.expectEnd(in: bytes)
    }

    private static func value(
        _ scanner: inout JSONScanner,
        in bytes: Span<UInt8>,
        depth: Int
    ) throws(JSONFlaw) -> JSONValue {
        guard depth <= deepest else { throw scanner.flaw(.nestedTooDeeply) }
        let first = try scanner.peek(in: bytes)
        switch first {
        case UInt8(ascii: "{"):
            return .object(try object(&scanner, in: bytes, depth: depth))
        case UInt8(ascii: "["):
            return .array(try array(&scanner, in: bytes, depth: depth))
        case UInt8(ascii: "\""):
            return .string(try scanner.string(in: bytes))
        case UInt8(ascii: "t"):
            try scanner.expectWord("true", in: bytes)
            return .bool(true)
        case UInt8(ascii: "f"):
            try scanner.expectWord("false", in: bytes)
            return .bool(false)
        case UInt8(ascii: "n"):
            try scanner.expectWord("null", in: bytes)
            return .null
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            return .number(literal: try scanner.number(in: bytes))
        default:
            throw scanner.flaw(.unexpectedByte(first))
        }
    }

    private static func object(
        _ scanner: inout JSONScanner,
        in bytes: Span<UInt8>,
        depth: Int
    ) throws(JSONFlaw) -> JSONObject {
        var object = JSONObject()
        try scanner.expect(.openingBrace, in: bytes)
        guard try !scanner.consume(.closingBrace, in: bytes) else { return object }
        repeat {
            let name = try scanner.string(in: bytes)
            guard object[name] == nil else { throw scanner.flaw(.duplicateKey(name)) }
            try scanner.expect(.colon, in: bytes)
            object[name] = try value(&scanner, in: bytes, depth: depth + 1)
        } while try scanner.continues(until: .closingBrace, in: bytes)
        return object
    }

    private static func array(
        _ scanner: inout JSONScanner,
        in bytes: Span<UInt8>,
        depth: Int
    ) throws(JSONFlaw) -> [JSONValue] {
        var elements: [JSONValue] = []
        try scanner.expect(.openingBracket, in: bytes)
        guard try !scanner.consume(.closingBracket, in: bytes) else { return elements }
        repeat {
            elements.append(try value(&scanner, in: bytes, depth: depth + 1))
        } while try scanner.continues(until: .closingBracket, in: bytes)
        return elements
    }
}
