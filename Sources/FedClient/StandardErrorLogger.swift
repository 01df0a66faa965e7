import ClientDaemon
import Foundation
import Logging

extension Logger {
    /// A logger that writes lines to stderr, so that stdout holds results alone.
    ///
    /// - Parameters:
    ///   - level: From which level on.
    ///   - log: Where a copy of them goes; `nil` for nowhere.
    /// - Returns: The logger.
    static func standardError(level: Logger.Level, copyingTo log: LiveLog? = nil) -> Logger {
        var logger = Logger(label: "fed-client") { label in
            let handler = StreamLogHandler.standardError(label: label)
            guard let log else { return handler }
            return LiveLogHandler(handler, copyingTo: log) { Date.now.formatted(.iso8601) }
        }
        logger.logLevel = level
        return logger
    }
}
