import LinearAlgebra

/// The members of a JSON file by key and type, with errors that name the file and the key.
struct JSONReader {
    let object: JSONObject
    let path: String

    /// Reads the members of an object that is already parsed.
    init(_ object: JSONObject, path: String) {
        self.object = object
        self.path = path
    }

    /// Parses a file whose content is one object.
    init(parsing bytes: Span<UInt8>, path: String) throws(AdapterError) {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: bytes)
        } catch {
            throw .malformedJSON(path: path, flaw: error)
        }
        guard let object = value.object else {
            throw .malformedJSON(path: path, flaw: JSONFlaw(offset: 0, reason: .unexpectedByte(bytes[0])))
        }
        self.object = object
        self.path = path
    }

    /// Parses the file at `path`.
    init(fileAt path: String) throws(AdapterError) {
        let file: MappedFile
        do {
            file = try MappedFile(path: path)
        } catch {
            throw .unreadableFile(path: path, reason: error.description)
        }
        guard file.count <= Self.longestFile else {
            throw .unreadableFile(path: path, reason: "it has \(file.count) bytes. A configuration has a few thousand.")
        }
        self = try file.withBytes { (bytes) throws(AdapterError) in
            try bytes.withOctets { (octets) throws(AdapterError) in try JSONReader(parsing: octets, path: path) }
        }
    }

    /// The longest file that is read; configurations have a few kilobytes.
    private static let longestFile = 16 << 20

    /// Returns a whole number of at least 0; `nil` when the key is missing or null.
    func count(_ key: String) throws(AdapterError) -> Int? {
        try value(key, needed: "a whole number of at least 0") { $0.integer.flatMap { $0 >= 0 ? $0 : nil } }
    }

    func number(_ key: String) throws(AdapterError) -> Double? {
        try value(key, needed: "a number") { $0.double }
    }

    func bool(_ key: String) throws(AdapterError) -> Bool? {
        try value(key, needed: "true or false") { $0.bool }
    }

    func string(_ key: String) throws(AdapterError) -> String? {
        try value(key, needed: "a text") { $0.string }
    }

    func strings(_ key: String) throws(AdapterError) -> [String]? {
        try value(key, needed: "a list of texts") { $0.strings }
    }

    /// Whether the key is there, and not null.
    func has(_ key: String) -> Bool { object[key].map { $0 != .null } ?? false }

    /// Returns a size that a model cannot do without.
    func size(_ key: String) throws(AdapterError) -> Int {
        let value = try require(key) { (key) throws(AdapterError) in try count(key) }
        // Large enough for any model, small enough for products of two to be counted.
        guard 1...(1 << 28) ~= value else { throw .invalidValue(key: key, path: path, needed: "from 1 to \(1 << 28)") }
        return value
    }

    /// Returns a reader of the object under a key.
    func object(_ key: String) throws(AdapterError) -> JSONReader? {
        try value(key, needed: "an object") { $0.object }.map { JSONReader($0, path: path) }
    }

    /// Returns the members of an object, in their order; none when the key is missing or null.
    func members<Value>(
        _ key: String,
        needed: String,
        convert: (JSONValue) -> Value?
    ) throws(AdapterError) -> [(String, Value)] {
        let members: [(name: String, value: JSONValue)] =
            try value(key, needed: "an object: \(needed)") { $0.object }?.members ?? []
        return try members.map { (member) throws(AdapterError) in
            guard let value = convert(member.value) else {
                throw .invalidValue(key: "\(key).\(member.name)", path: path, needed: needed)
            }
            return (member.name, value)
        }
    }

    /// Returns what `find` found for a key that has to be there.
    func require<Value>(_ key: String, _ find: (String) throws(AdapterError) -> Value?) throws(AdapterError) -> Value {
        guard let value = try find(key) else { throw .missingKey(key, path: path) }
        return value
    }

    private func value<Value>(
        _ key: String,
        needed: String,
        convert: (JSONValue) -> Value?
    ) throws(AdapterError) -> Value? {
        guard let member = object[key], member != .null else { return nil }
        guard let value = convert(member) else { throw .invalidValue(key: key, path: path, needed: needed) }
        return value
    }
}
