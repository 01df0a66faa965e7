import Logging

extension Logger {
    /// A logger that writes lines to stderr, so that stdout holds results alone.
    static func standardError(level: Logger.Level) -> Logger {
        var logger = Logger(label: "fed-client") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = level
        return logger
    }
}
