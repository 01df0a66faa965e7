import FederatedLearning
import Yams

/// One mapping of the file, whose keys are all known.
struct ConfigurationSection {
    private let path: String
    private let prefix: String
    private let values: [String: Node]

    init(_ node: Node, path: String, prefix: String, keys: [String]) throws {
        guard let mapping = node.mapping else {
            let subject =
                prefix.isEmpty ? "keys with values are expected" : "`\(prefix.dropLast())` takes keys with values"
            throw ClientError.malformedConfiguration(
                path: path,
                line: node.mark?.line,
                reason: "\(subject), such as `\(keys[0]): …`"
            )
        }
        var values: [String: Node] = [:]
        for (key, value) in mapping {
            let name = key.string ?? "?"
            guard keys.contains(name) else {
                throw ClientError.unknownKey(
                    path: path,
                    line: key.mark?.line ?? 1,
                    key: prefix + name,
                    nearest: NearestName.of(name, among: keys).map { prefix + $0 },
                    known: keys.map { prefix + $0 }
                )
            }
            // A key without a value is as good as none: the file that `join` writes is meant to be filled in.
            if !value.isEmpty { values[name] = value }
        }
        self.path = path
        self.prefix = prefix
        self.values = values
    }

    subscript(key: String) -> Node? { values[key] }

    func text(_ key: String, expected: String) throws -> String? {
        guard let node = values[key] else { return nil }
        guard let text = node.scalar?.string, isReasonable(text) else { throw invalid(key, node, expected) }
        return text
    }

    func requiredText(_ key: String, example: String) throws -> String {
        guard let text = try text(key, expected: example) else { throw missing(key, example) }
        return text
    }

    func integer(_ key: String, in range: ClosedRange<Int>) throws -> Int? {
        guard let node = values[key] else { return nil }
        guard let text = node.scalar?.string, let value = Int(text), range.contains(value) else {
            throw invalid(key, node, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    func requiredNumber(_ key: String, _ expected: String, _ isAllowed: (Double) -> Bool) throws -> Double {
        guard let node = values[key] else { throw missing(key, expected) }
        guard let value = node.scalar.flatMap({ Double($0.string) }), value.isFinite, isAllowed(value) else {
            throw invalid(key, node, expected)
        }
        return value
    }

    func requiredInteger(_ key: String, in range: ClosedRange<Int>) throws -> Int {
        guard let value = try integer(key, in: range) else {
            throw missing(key, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    func texts(_ key: String, expected: String) throws -> [String: String] {
        guard let node = values[key] else { return [:] }
        guard let mapping = node.mapping else { throw invalid(key, node, expected) }
        var texts: [String: String] = [:]
        for (name, value) in mapping {
            guard let name = name.string, isReasonable(name), let text = value.scalar?.string, isReasonable(text) else {
                throw invalid("\(key).\(name.string ?? "?")", value, expected)
            }
            texts[name] = text
        }
        return texts
    }

    /// Reads a list of texts; `nil` when the key is absent.
    func list(_ key: String, expected: String) throws -> [String]? {
        guard let node = values[key] else { return nil }
        guard let sequence = node.sequence else { throw invalid(key, node, expected) }
        return try sequence.map { element in
            guard let text = element.scalar?.string, isReasonable(text) else { throw invalid(key, element, expected) }
            return text
        }
    }

    /// Reads one of a few texts; `nil` when the key is absent.
    func choice<Choice>(_ key: String, of type: Choice.Type) throws -> Choice?
    where Choice: CaseIterable & RawRepresentable<String> {
        guard let node = values[key] else { return nil }
        guard let choice = node.scalar.flatMap({ Choice(rawValue: $0.string) }) else {
            throw invalid(key, node, "one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return choice
    }

    private func isReasonable(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 4096
            && !text.unicodeScalars.contains { $0.properties.generalCategory == .control }
    }

    private func invalid(_ key: String, _ node: Node, _ expected: String) -> ClientError {
        let found =
            switch node {
            case .scalar(let scalar): String(scalar.string.prefix(60))
            case .mapping: "a mapping"
            case .sequence: "a list"
            case .alias: "an alias"
            }
        return invalid(key, found, expected)
    }

    /// The error about a text that is none of those which `key` takes.
    func invalid(_ key: String, _ found: String, _ expected: String) -> ClientError {
        .invalidValue(path: path, key: prefix + key, found: found, expected: expected)
    }

    private func missing(_ key: String, _ expected: String) -> ClientError {
        .invalidValue(path: path, key: prefix + key, found: "missing", expected: expected)
    }
}

extension Node {
    /// Whether nothing stands there, or `~` or `null` without quotes.
    var isEmpty: Bool {
        scalar.map { $0.style == .plain && ["", "~", "null"].contains($0.string) } ?? false
    }
}
