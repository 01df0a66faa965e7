package import Adapters

/// What one value of a configuration file may be, in the words of JSON Schema (draft 2020-12).
///
/// A schema is what editors complete and check YAML by. It says of every key what the reader says of it alone; what
/// does not go together is for the reader to refuse.
package struct ValueSchema: Sendable {
    /// The schema's own members.
    package private(set) var members: JSONObject

    private init(_ members: [(String, JSONValue)]) {
        var object = JSONObject()
        for (name, value) in members { object[name] = value }
        self.members = object
    }

    package var value: JSONValue { .object(members) }

    /// Returns the schema with a sentence that editors show.
    package func described(_ text: String) -> ValueSchema {
        var schema = self
        schema.members["description"] = .string(text)
        return schema
    }

    /// Returns the schema with another member, such as `default` or `allOf`.
    package func with(_ name: String, _ value: JSONValue) -> ValueSchema {
        var schema = self
        schema.members[name] = value
        return schema
    }

    /// Returns a schema that an absent value meets as well: `key:` without anything, or `~`.
    package var orNothing: ValueSchema {
        Self([("anyOf", .array([value, .object(Self([("type", .string("null"))]).members)]))])
    }

    /// Returns a schema that a value meets which meets this one or `other`.
    package func or(_ other: ValueSchema) -> ValueSchema { Self([("anyOf", .array([value, other.value]))]) }

    // MARK: - Scalars

    /// A text of 1 to so many characters.
    ///
    /// What looks like a number or a truth value is taken as it is written.
    package static func text(atMost limit: Int) -> ValueSchema {
        ValueSchema([
            ("type", .array(["string", "number", "boolean"].map(JSONValue.string))), ("minLength", .number(1)),
            ("maxLength", .number(limit)),
        ])
    }

    package static func integer(_ range: ClosedRange<Int>) -> ValueSchema {
        ValueSchema([
            ("type", .string("integer")), ("minimum", .number(range.lowerBound)),
            ("maximum", .number(range.upperBound)),
        ])
    }

    /// 0 to 2⁶⁴ − 1.
    package static let seed = ValueSchema([
        ("type", .string("integer")), ("minimum", .number(0)), ("maximum", .number(literal: "\(UInt64.max)")),
    ])

    /// A number between bounds, of which each belongs to the range or not.
    package static func number(
        from minimum: Double? = nil,
        above exclusiveMinimum: Double? = nil,
        to maximum: Double? = nil,
        below exclusiveMaximum: Double? = nil
    ) -> ValueSchema {
        var members: [(String, JSONValue)] = [("type", .string("number"))]
        for (name, bound) in [
            ("minimum", minimum), ("exclusiveMinimum", exclusiveMinimum), ("maximum", maximum),
            ("exclusiveMaximum", exclusiveMaximum),
        ] {
            if let bound { members.append((name, .number(bound))) }
        }
        return ValueSchema(members)
    }

    package static let flag = ValueSchema([("type", .string("boolean"))])

    /// One of a few names.
    ///
    /// A name that YAML takes for a truth value may stand without quotes.
    package static func choice(_ names: [String]) -> ValueSchema {
        let values = names.flatMap { name -> [JSONValue] in
            switch name {
            case "true": [.bool(true), .string(name)]
            case "false": [.bool(false), .string(name)]
            default: [.string(name)]
            }
        }
        return ValueSchema([("enum", .array(values))])
    }

    package static func choice<Choice>(_ type: Choice.Type) -> ValueSchema
    where Choice: CaseIterable & RawRepresentable<String> {
        choice(Choice.allCases.map(\.rawValue))
    }

    /// `90s`, `10m`, `1h30m`, `2d`.
    package static let duration = ValueSchema([
        ("type", .string("string")), ("minLength", .number(2)),
        ("pattern", .string("^([0-9]{1,9}d)?([0-9]{1,9}h)?([0-9]{1,9}m)?([0-9]{1,9}s)?$")),
    ])

    /// A SHA-256 in lower-case hexadecimal digits.
    package static let digest = ValueSchema([("type", .string("string")), ("pattern", .string("^[0-9a-f]{64}$"))])

    /// A text that `pattern`, a regular expression, describes.
    package static func text(matching pattern: String) -> ValueSchema {
        ValueSchema([("type", .string("string")), ("pattern", .string(pattern))])
    }

    // MARK: - Lists and mappings

    /// A list of values that all meet `element`.
    package static func list(of element: ValueSchema, count: ClosedRange<Int>, isUnique: Bool = true) -> ValueSchema {
        ValueSchema([
            ("type", .string("array")), ("items", element.value), ("minItems", .number(count.lowerBound)),
            ("maxItems", .number(count.upperBound)), ("uniqueItems", .bool(isUnique)),
        ])
    }

    /// A list of different texts.
    package static func texts(count: ClosedRange<Int>) -> ValueSchema { list(of: .text(atMost: 256), count: count) }

    /// Any names, each with a value that meets `element`.
    package static func names(of element: ValueSchema) -> ValueSchema {
        ValueSchema([("type", .string("object")), ("additionalProperties", element.value)])
    }

    /// A mapping that knows these keys and no others.
    package static func section(
        _ properties: [(key: String, schema: ValueSchema)],
        required: [String] = []
    ) -> ValueSchema {
        var object = JSONObject()
        for (key, schema) in properties { object[key] = schema.value }
        return ValueSchema([
            ("type", .string("object")), ("properties", .object(object)),
            ("required", .array(required.map(JSONValue.string))), ("additionalProperties", .bool(false)),
        ])
    }

    /// The keys that a mapping knows.
    package var keys: [String] { members["properties"]?.object?.names ?? [] }

    // MARK: - Documents

    /// Returns the whole schema of a file, as a text.
    package func document(title: String) -> String {
        var document = self
        document.members["$schema"] = .string("https://json-schema.org/draft/2020-12/schema")
        document.members["title"] = .string(title)
        return document.value.pythonText
    }
}
