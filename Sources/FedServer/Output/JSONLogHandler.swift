import Foundation
import Logging
import Terminal

/// Writes each message as one JSON object on a line of its own, for programs that collect logs.
///
/// ```
/// {"job.id":"…","level":"info","logger":"tributary.server","message":"Job started","time":"2026-11-29T13:00:00.000Z"}
/// ```
///
/// Metadata stand beside the message under their own names; one that is called like a field of the handler's gets `metadata.`
/// before it.
struct JSONLogHandler: LogHandler {
    var logLevel = Logger.Level.info
    var metadata = Logger.Metadata()
    var metadataProvider: Logger.MetadataProvider?

    private let label: String
    private let now: @Sendable () -> Date
    private let write: @Sendable (String) -> Void

    /// - Parameters:
    ///   - label: What the logger is called.
    ///   - now: Stamps messages.
    ///   - write: Takes each line, without its end.
    init(
        label: String,
        now: @escaping @Sendable () -> Date = { Date() },
        write: @escaping @Sendable (String) -> Void = { StandardError.write($0) }
    ) {
        self.label = label
        self.now = now
        self.write = write
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var fields: [String: JSONValue] = [
            "time": .text(now().formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))),
            "level": .text(event.level.rawValue),
            "logger": .text(label),
            "message": .text("\(event.message)"),
        ]
        if let error = event.error { fields["error"] = .text("\(error)") }
        let own = Set(fields.keys)
        let all = metadata.merging(metadataProvider?.get() ?? [:]) { $1 }.merging(event.metadata ?? [:]) { $1 }
        for (key, value) in all { fields[own.contains(key) ? "metadata.\(key)" : key] = JSONValue(value) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Texts, lists and objects always have a form.
        guard let line = try? encoder.encode(fields) else { return }
        write(String(decoding: line, as: UTF8.self))
    }
}

/// What metadata can be, in JSON.
private enum JSONValue: Encodable {
    case text(String)
    case list([JSONValue])
    case object([String: JSONValue])

    init(_ value: Logger.MetadataValue) {
        switch value {
        case .string(let text): self = .text(text)
        case .stringConvertible(let value): self = .text("\(value)")
        case .array(let values): self = .list(values.map(JSONValue.init))
        case .dictionary(let values): self = .object(values.mapValues(JSONValue.init))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .text(let text): try container.encode(text)
        case .list(let values): try container.encode(values)
        case .object(let values): try container.encode(values)
        }
    }
}
