package import Yams

/// The keys of one section of a job file, each with something to write there.
package protocol JobFileKey: RawRepresentable<String>, CaseIterable, Sendable {
    /// A value that the key takes, as it would stand in the file.
    var example: String { get }
}

/// One mapping of a job file, read strictly: a key that `Key` does not list is an error from the start.
package struct JobFileSection<Key: JobFileKey> {
    /// The path of the section, empty at the top.
    private let path: String
    private let values: [String: Node]
    private let lines: [String: Int]

    /// Reads the mapping at `node`.
    ///
    /// - Parameters:
    ///   - node: The value that should be a mapping.
    ///   - place: Where it stands.
    ///   - elsewhere: The full paths of all keys of a job, to say where a misplaced key belongs.
    ///   - beside: Keys that are known there, too, but read by somebody else.
    /// - Throws: ``JobFileError`` when it is no mapping, or has a key that is not one of `Key`.
    package init(
        _ node: Node,
        at place: JobFileError.Place,
        elsewhere: [String],
        beside: [String] = []
    ) throws(JobFileError) {
        guard let mapping = node.mapping else {
            throw .wrongType(
                place,
                expected: "a mapping of keys to values",
                found: node.kind,
                example: "{\(Key.allCases.map { "\($0.rawValue): \($0.example)" }.joined(separator: ", "))}"
            )
        }
        self.path = place.path
        let known = Key.allCases.map(\.rawValue) + beside
        var values: [String: Node] = [:]
        var lines: [String: Int] = [:]
        for (key, value) in mapping {
            guard let name = key.scalar?.string else {
                throw .unknownKey(.init(Self.join(path, "?"), line: key.mark?.line), meant: nil, known: known)
            }
            guard Key(rawValue: name) != nil else {
                let meant =
                    NearestName.of(name, among: known).map { Self.join(place.path, $0) }
                    ?? elsewhere.first { $0.hasSuffix(".\(name)") || $0 == name }
                throw .unknownKey(.init(Self.join(path, name), line: key.mark?.line), meant: meant, known: known)
            }
            values[name] = value
            lines[name] = key.mark?.line
        }
        self.values = values
        self.lines = lines
    }

    private static func join(_ path: String, _ key: String) -> String {
        path.isEmpty ? key : "\(path).\(key)"
    }

    /// Where `key` stands, for messages.
    package func place(_ key: Key) -> JobFileError.Place {
        .init(Self.join(path, key.rawValue), line: lines[key.rawValue])
    }

    /// Whether the file gives `key`, with or without a value.
    package func has(_ key: Key) -> Bool { values[key.rawValue] != nil }

    // MARK: - Values

    /// Returns the value of `key`; `nil` when the key is absent, an error when it is there without a value.
    package func node(_ key: Key) throws(JobFileError) -> Node? {
        guard let node = values[key.rawValue] else { return nil }
        guard !node.isNull else { throw wrongType(key, expected: "a value", found: node) }
        return node
    }

    package func required<Value>(_ key: Key, _ value: Value?) throws(JobFileError) -> Value {
        guard let value else { throw .missing(place(key), example: key.example) }
        return value
    }

    package func text(_ key: Key, atMost limit: Int) throws(JobFileError) -> String? {
        guard let node = try node(key) else { return nil }
        guard let text = node.scalar?.string else { throw wrongType(key, expected: "a text", found: node) }
        try checkText(text, of: key, atMost: limit)
        return text
    }

    /// Reads a list of different, non-empty texts.
    ///
    /// What looks like a number or a truth value is taken as it is written.
    package func texts(_ key: Key, count: ClosedRange<Int>) throws(JobFileError) -> [String]? {
        guard let node = try node(key) else { return nil }
        guard let sequence = node.sequence else { throw wrongType(key, expected: "a list of texts", found: node) }
        var texts: [String] = []
        var seen: Set<String> = []
        for element in sequence {
            guard let text = element.scalar?.string, !element.isNull else {
                throw wrongType(key, expected: "a list of texts", found: element)
            }
            try checkText(text, of: key, atMost: 256)
            guard seen.insert(text).inserted else {
                throw .contradiction(place(key), problem: "lists '\(text)' twice", remedy: "Keep one of them.")
            }
            texts.append(text)
        }
        guard count.contains(texts.count) else {
            throw .outOfRange(
                place(key),
                found: "a list of \(texts.count)",
                allowed: "a list of \(count.lowerBound) to \(count.upperBound)"
            )
        }
        return texts
    }

    package func integer<Integer: FixedWidthInteger>(
        _ key: Key,
        in range: ClosedRange<Integer>
    ) throws(JobFileError) -> Integer? {
        guard let node = try node(key) else { return nil }
        guard let text = node.plainText, text.wholeMatch(of: #/[+-]?[0-9]+/#) != nil else {
            throw wrongType(key, expected: "a whole number", found: node)
        }
        guard let value = Integer(text), range.contains(value) else {
            throw .outOfRange(
                place(key),
                found: String(text.prefix(40)),
                allowed: "a whole number from \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return value
    }

    package func number(
        _ key: Key,
        allowed: String,
        _ isAllowed: (Double) -> Bool
    ) throws(JobFileError) -> Double? {
        guard let node = try node(key) else { return nil }
        guard let text = node.plainText,
            text.wholeMatch(of: #/[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?/#) != nil,
            let value = Double(text)
        else { throw wrongType(key, expected: "a number", found: node) }
        guard value.isFinite, isAllowed(value) else {
            throw .outOfRange(place(key), found: String(text.prefix(40)), allowed: allowed)
        }
        return value
    }

    package func flag(_ key: Key) throws(JobFileError) -> Bool? {
        guard let node = try node(key) else { return nil }
        switch node.plainText {
        case "true": return true
        case "false": return false
        default: throw wrongType(key, expected: "`true` or `false`", found: node)
        }
    }

    package func duration(_ key: Key, in range: ClosedRange<Duration>) throws(JobFileError) -> Duration? {
        guard let node = try node(key) else { return nil }
        guard let text = node.scalar?.string, let value = DurationText.parse(text) else {
            throw wrongType(
                key,
                expected: "a duration in `d`, `h`, `m` and `s`, such as `90s` or `1h30m`,",
                found: node
            )
        }
        guard range.contains(value) else {
            let bounds = (DurationText.format(range.lowerBound), DurationText.format(range.upperBound))
            throw .outOfRange(place(key), found: text, allowed: "a duration from `\(bounds.0)` to `\(bounds.1)`")
        }
        return value
    }

    package func choice<Choice>(_ key: Key, of type: Choice.Type) throws(JobFileError) -> Choice?
    where Choice: CaseIterable & RawRepresentable<String> {
        guard let text = try text(key, atMost: 64) else { return nil }
        guard let choice = Choice(rawValue: text) else {
            let known = Choice.allCases.map(\.rawValue)
            throw .unknownValue(
                place(key),
                found: text,
                nearest: NearestName.of(text, among: known),
                known: known
            )
        }
        return choice
    }

    // MARK: - Errors

    private func wrongType(_ key: Key, expected: String, found node: Node) -> JobFileError {
        .wrongType(place(key), expected: expected, found: node.kind, example: key.example)
    }

    private func checkText(_ text: String, of key: Key, atMost limit: Int) throws(JobFileError) {
        guard !text.isEmpty, text.utf8.count <= limit,
            !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        else {
            throw .outOfRange(
                place(key),
                found: text.isEmpty ? "empty" : "a text of \(text.utf8.count) bytes",
                allowed: "1 to \(limit) bytes of text without line breaks, such as `\(key.example)`"
            )
        }
    }
}

extension Node {
    /// The text of a scalar that stands without quotes.
    fileprivate var plainText: String? {
        scalar.flatMap { $0.style == .plain ? $0.string : nil }
    }

    /// Whether there is nothing, `~` or `null`.
    fileprivate var isNull: Bool {
        plainText.map { ["", "~", "null", "Null", "NULL"].contains($0) } ?? false
    }

    /// What stands there, for messages.
    fileprivate var kind: String {
        switch self {
        case .scalar(let scalar): isNull ? "without a value" : "'\(scalar.string.prefix(60))'"
        case .mapping: "a mapping"
        case .sequence: "a list"
        case .alias: "an alias"
        }
    }
}
