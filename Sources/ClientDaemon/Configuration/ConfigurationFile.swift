private import FederatedLearning
package import Foundation
private import Transport
private import Yams

/// Reads `client.yaml`, and writes the first one.
///
/// The reader is strict: a key that it does not know is an error that names the nearest known one, so that a misspelt
/// limit never passes for no limit.
package enum ConfigurationFile {
    /// The largest file that is read.
    private static let byteLimit = 256 * 1024

    /// Reads the configuration of `directory`, from which relative paths in it start.
    ///
    /// - Throws: A ``ClientError`` that names the key and says what to write.
    package static func read(from directory: ClientDirectory) throws -> ClientConfiguration {
        let file = directory.configurationFile
        guard FileManager.default.fileExists(atPath: file.path) else {
            throw ClientError.cannotRead(path: file.path, reason: "it does not exist")
        }
        let bytes: Data
        do {
            let handle = try FileHandle(forReadingFrom: file)
            defer { try? handle.close() }
            bytes = try handle.read(upToCount: byteLimit + 1) ?? Data()
        } catch {
            throw ClientError.cannotRead(path: file.path, reason: error.localizedDescription)
        }
        guard bytes.count <= byteLimit, let text = String(data: bytes, encoding: .utf8) else {
            throw ClientError.malformedConfiguration(
                path: file.path,
                line: nil,
                reason: "it is no UTF-8 text of at most \(byteLimit) bytes"
            )
        }
        return try parse(text, path: file.path, relativeTo: directory.url)
    }

    /// Reads a configuration from its text.
    ///
    /// - Parameters:
    ///   - text: The YAML.
    ///   - path: The file's name in messages.
    ///   - folder: Where relative paths start.
    /// - Returns: The configuration, with defaults for what the text leaves out.
    /// - Throws: A ``ClientError`` that names the key and says what to write.
    package static func parse(
        _ text: String,
        path: String = "client.yaml",
        relativeTo folder: URL
    ) throws -> ClientConfiguration {
        let root: Node?
        do {
            // Without rules to tell numbers from texts: they would load the tables of all languages into the daemon.
            root = try Parser(yaml: text, resolver: .basic, encoding: .utf8).singleRoot()
        } catch {
            throw malformed(error, path: path)
        }
        var configuration = ClientConfiguration()
        guard let root, !root.isEmpty else { return configuration }
        let top = try Section(root, path: path, prefix: "", keys: Section.topKeys)
        if let node = top["server"] {
            let server = try Section(node, path: path, prefix: "server.", keys: ["host", "port"])
            configuration.server = ServerAddress(
                host: try server.requiredText("host", example: "a host name such as fed.example.org"),
                port: try server.requiredInteger("port", in: 1...65535)
            )
        }
        configuration.data = try top.text("data", expected: "a path to a data file").map { url($0, folder) }
        configuration.models = try top.texts("models", expected: "a path for each model name")
            .mapValues { url($0, folder) }
        configuration.tags = try top.texts("tags", expected: "a text for each tag")
        if let rank = try top.integer("max_rank", in: ClientConfiguration.ranks) { configuration.maximumRank = rank }
        if let threads = try top.integer("threads", in: ClientConfiguration.threadCounts) {
            configuration.threads = threads
        }
        return configuration
    }

    /// Makes sure that the file of `directory` names `server`; every other line of an existing file stays as it is.
    ///
    /// - Throws: ``ClientError/otherServer(path:found:invited:)`` when the file names another one.
    package static func establish(server: ServerAddress, in directory: ClientDirectory) throws {
        let file = directory.configurationFile
        let section = "server:\n  host: \(quoted(server.host))\n  port: \(server.port)\n"
        guard FileManager.default.fileExists(atPath: file.path) else {
            return try DurableFile.replace(file, with: Data((section + template).utf8), permissions: 0o600)
        }
        if let found = try read(from: directory).server {
            guard found == server else {
                throw ClientError.otherServer(path: file.path, found: "\(found)", invited: "\(server)")
            }
            return
        }
        let text = try String(contentsOf: file, encoding: .utf8)
        try DurableFile.replace(file, with: Data((section + text).utf8), permissions: 0o600)
    }

    /// What a new file says after the server's address.
    private static let template = """
        # The data file of this silo; it is read here and never sent.
        # data: data.jsonl
        # Base models by the name that jobs give them.
        # models:
        #   minilm: /srv/models/minilm
        # The largest adapter rank that this silo trains.
        max_rank: 64
        # Labels by which jobs may choose this silo; the server sees them.
        tags: {}
        # How many threads training may use.
        threads: 1

        """

    private static func quoted(_ text: String) -> String { "\"\(text)\"" }

    private static func url(_ path: String, _ folder: URL) -> URL {
        let expanded = NSString(string: path).expandingTildeInPath
        return URL(fileURLWithPath: expanded, relativeTo: folder).standardizedFileURL
    }

    private static func malformed(_ error: any Error, path: String) -> ClientError {
        switch error {
        case YamlError.scanner(_, let problem, let mark, _),
            YamlError.parser(_, let problem, let mark, _),
            YamlError.composer(_, let problem, let mark, _):
            .malformedConfiguration(path: path, line: mark.line, reason: problem)
        case YamlError.duplicatedKeysInMapping(let duplicates, _):
            .malformedConfiguration(
                path: path,
                line: nil,
                reason: "the key '\(duplicates.first ?? "?")' is given twice"
            )
        default:
            .malformedConfiguration(path: path, line: nil, reason: "it is not YAML")
        }
    }
}

/// One mapping of the file, whose keys are all known.
private struct Section {
    static let topKeys = ["server", "data", "models", "max_rank", "tags", "threads"]

    private let path: String
    private let prefix: String
    private let values: [String: Node]

    init(_ node: Node, path: String, prefix: String, keys: [String]) throws {
        guard let mapping = node.mapping else {
            throw ClientError.malformedConfiguration(
                path: path,
                line: node.mark?.line,
                reason: "keys with values are expected, such as `\(keys[0]): …`"
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
        return .invalidValue(path: path, key: prefix + key, found: found, expected: expected)
    }

    private func missing(_ key: String, _ expected: String) -> ClientError {
        .invalidValue(path: path, key: prefix + key, found: "missing", expected: expected)
    }
}

extension Node {
    /// Whether nothing stands there, or `~` or `null` without quotes.
    fileprivate var isEmpty: Bool {
        scalar.map { $0.style == .plain && ["", "~", "null"].contains($0.string) } ?? false
    }
}
