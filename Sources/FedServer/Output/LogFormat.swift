import ArgumentParser
import Logging

/// How the log is written.
enum LogFormat: String, CaseIterable, ExpressibleByArgument {
    /// A line for people.
    case text
    /// A JSON object a line.
    case json

    /// Returns a handler that writes to standard error.
    func handler(label: String, level: Logger.Level) -> any LogHandler {
        switch self {
        case .text:
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel = level
            return handler
        case .json:
            var handler = JSONLogHandler(label: label)
            handler.logLevel = level
            return handler
        }
    }
}
