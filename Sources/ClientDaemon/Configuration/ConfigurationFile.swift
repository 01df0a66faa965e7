private import FederatedLearning
package import Foundation
private import Transport
internal import Yams

/// Reads `client.yaml`, and writes the first one.
///
/// The reader is strict: a key that it does not know is an error that names the nearest known one, so that a misspelt
/// limit never passes for no limit.
package enum ConfigurationFile {
    /// The largest file that is read.
    private static let byteLimit = 256 * 1024
    static let keys = ["server", "data", "models", "max_rank", "tags", "threads", "privacy", "trainer"]

    /// Reads the configuration of `directory`, from which relative paths in it start.
    ///
    /// - Throws: A ``ClientError`` that names the key and says what to write.
    package static func read(from directory: ClientDirectory) throws -> ClientConfiguration {
        let file = directory.configurationFile
        return try parse(text(of: file), path: file.path, relativeTo: directory.url)
    }

    /// Reads the text of a configuration file.
    static func text(of file: URL) throws -> String {
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
        return text
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
        let root = try compose(text, path: path)
        var configuration = ClientConfiguration()
        guard let root else { return configuration }
        let top = try ConfigurationSection(root, path: path, prefix: "", keys: keys)
        if let node = top["server"] {
            let server = try ConfigurationSection(node, path: path, prefix: "server.", keys: ["host", "port"])
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
        if let node = top["privacy"] {
            let privacy = try ConfigurationSection(
                node,
                path: path,
                prefix: "privacy.",
                keys: ["epsilon_limit", "delta"]
            )
            configuration.privacyLimit = ClientConfiguration.PrivacyLimit(
                epsilon: try privacy.requiredNumber("epsilon_limit", "a number above 0, such as 8") { $0 > 0 },
                delta: try privacy.requiredNumber("delta", "a number above 0 and below 1, such as 1e-6") {
                    $0 > 0 && $0 < 1
                }
            )
        }
        configuration.trainer = try top["trainer"].map { try trainer($0, path: path, relativeTo: folder) }
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
        # How much of this silo's data all jobs together may give away, as differential privacy counts it; with a limit,
        # only jobs that add noise are worked for.
        # privacy: {epsilon_limit: 8, delta: 1.0e-6}
        # A program that trains in place of the native trainer, such as your own on PyTorch; see protocol/TRAINER.md.
        # trainer: {command: /srv/trainer/venv/bin/python /srv/trainer/trainer.py, memory: 16GiB}

        """

    private static func quoted(_ text: String) -> String { "\"\(text)\"" }

    static func url(_ path: String, _ folder: URL) -> URL {
        let expanded = NSString(string: path).expandingTildeInPath
        return URL(fileURLWithPath: expanded, relativeTo: folder).standardizedFileURL
    }

    /// Returns the only document of `text`; `nil` when there is nothing in it.
    static func compose(_ text: String, path: String) throws -> Node? {
        do {
            // Without rules to tell numbers from texts: they would load the tables of all languages into the daemon.
            let root = try Parser(yaml: text, resolver: .basic, encoding: .utf8).singleRoot()
            return root.flatMap { $0.isEmpty ? nil : $0 }
        } catch {
            throw malformed(error, path: path)
        }
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
